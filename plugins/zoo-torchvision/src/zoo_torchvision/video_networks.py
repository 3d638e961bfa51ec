"""One factory for all networks for clips of torchvision: ``zoo_torchvision.video_networks:r3d_18`` is that of ``r3d_18``."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchvision
from torch import nn

from zoo.plugin import DataError, Scored, Signature, num_scores
from zoo_torchvision.weights import last_layer, load, require_asked, set_channels, weights_of

MOST_FRAMES = 32
"""Frames that are taken by default at most, whatever number the weights were judged with (128 for s3d)."""

_CLIP_LENGTH = re.compile(r"clip_len=(\d+)")


def __getattr__(name: str) -> Callable[..., Scored]:
    if name not in names():
        raise AttributeError(f"torchvision {torchvision.__version__} has no network for clips {name!r}")

    def factory(signature: Signature, *, pretrained: bool = False, tag: str = "") -> Scored:
        """A network for clips of torchvision.

        Args:
            signature: One clip ``[channels, frames, height, width]``, and the scores to emit.
            pretrained: Whether to start from torchvision's weights, which are downloaded once; all but the last layer.
            tag: Which weights, as torchvision calls them (KINETICS400_V1); its default ones if empty.

        Raises:
            DataError: The network cannot take clips of that length and size.
            UsageError: There are no such weights, or they cannot be loaded.
        """
        require_asked(tag, is_asked=pretrained)
        _require_fit(name, signature)
        network = _create(name, signature)
        if pretrained:
            load(network, name, weights_of(name, tag), own=last_layer(network))
        return Scored(network, signature.outputs)

    factory.__name__ = factory.__qualname__ = name
    return factory


def names() -> Sequence[str]:
    """The library's networks for clips."""
    return torchvision.models.list_models(module=torchvision.models.video)


def facts_of(name: str) -> dict[str, Any]:
    """What the metadata of a network's default weights say of the clips that it is made for."""
    weights = weights_of(name)
    preset = weights.transforms()
    length = _CLIP_LENGTH.search(weights.meta["_docs"])
    assert length is not None, f"the documentation of {weights} does not say how long its clips were"
    (side,) = set(preset.crop_size)
    return {
        "image_size": side,
        "min_image_size": weights.meta["min_size"][0],
        "num_frames": min(int(length[1]), MOST_FRAMES),
        "mean": list(preset.mean),
        "std": list(preset.std),
    }


def _create(name: str, signature: Signature) -> nn.Module:
    channels, *_ = _clip_shape(signature)
    network = torchvision.models.get_model(name, weights=None, num_classes=num_scores(signature))
    if channels != 3:
        set_channels(network, channels)
    return network  # type: ignore[no-any-return]


def _require_fit(name: str, signature: Signature) -> None:
    """Sends two clips through the network on torch's meta device, where nothing is computed.

    Raises:
        DataError: The network cannot take clips of that length and size.
    """
    channels, *clip = _clip_shape(signature)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        try:
            _create(name, signature).eval()(torch.empty(2, channels, *clip))
        except (RuntimeError, ValueError) as error:
            facts = facts_of(name)
            raise DataError(
                f"{name} cannot take clips of {clip[0]} frames of {clip[1]} x {clip[2]} pixels: "
                f"{str(error).strip().splitlines()[0]}",
                fix=f"bring them to what it is made for: data.frames={facts['num_frames']} data.size={facts['image_size']}",
            ) from error


def _clip_shape(signature: Signature) -> tuple[int, int, int, int]:
    """Channels, frames, height and width of the clips."""
    channels, num_frames, height, width = signature.inputs[0].shape
    assert channels is not None
    assert num_frames is not None
    assert height is not None
    assert width is not None
    return channels, num_frames, height, width
