"""One factory for all networks for clips of torchvision: ``zoo_torchvision.video_networks:r3d_18`` is that of ``r3d_18``."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from zoo.plugin import DataError, Signature, UsageError
from zoo_torchvision.scored import Scored, num_scores

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
        if tag and not pretrained:
            raise UsageError(f"tag={tag!r} names weights that are not asked for", fix="add pretrained=true")
        _require_fit(name, signature)
        network = _create(name, signature)
        if pretrained:
            _load(network, name, weights_of(name, tag))
        return Scored(network, signature.outputs)

    factory.__name__ = factory.__qualname__ = name
    return factory


def names() -> Sequence[str]:
    """The library's networks for clips."""
    return torchvision.models.list_models(module=torchvision.models.video)


def facts_of(name: str) -> dict[str, Any]:
    """What the metadata of a network's default weights say of the clips that it is made for."""
    weights = weights_of(name, "")
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


def weights_of(name: str, tag: str) -> WeightsEnum:
    """The weights that a tag names, the library's default ones for an empty tag.

    Raises:
        UsageError: There are none of that name.
    """
    offered = torchvision.models.get_model_weights(name)
    if tag and tag not in offered.__members__:
        raise UsageError(
            f"there are no weights {tag!r} of {name}",
            fix=f"weights of {name} in torchvision {torchvision.__version__}: {', '.join(sorted(offered.__members__))}",
        )
    return offered[tag] if tag else offered.DEFAULT


def _create(name: str, signature: Signature) -> nn.Module:
    channels, *_ = _clip_shape(signature)
    network = torchvision.models.get_model(name, weights=None, num_classes=num_scores(signature))
    if channels != 3:
        _set_channels(network, channels)
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


def _set_channels(network: nn.Module, channels: int) -> None:
    """Replaces the first convolution by one for frames of other than three channels."""
    path, first = next((path, each) for path, each in network.named_modules() if isinstance(each, nn.Conv3d))
    replaced = nn.Conv3d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        stride=first.stride,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(replaced.weight, mode="fan_out", nonlinearity="relu")
    if replaced.bias is not None:
        nn.init.zeros_(replaced.bias)
    parent, _, attribute = path.rpartition(".")
    setattr(network.get_submodule(parent), attribute, replaced)


def _load(network: nn.Module, name: str, weights: WeightsEnum) -> None:
    """Fills a network from the library's own, except for the last layer if it has other classes.

    Raises:
        UsageError: The weights cannot be loaded.
    """
    try:
        loaded = torchvision.models.get_model(name, weights=weights, progress=False).state_dict()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"the weights {weights.name} of {name} cannot be loaded from {weights.url}: {error}",
            fix="torchvision downloads them once: connect to the internet, or leave out pretrained=true",
        ) from error
    own = network.state_dict()
    last = [path for path, each in network.named_modules() if isinstance(each, nn.Linear | nn.Conv3d)][-1]
    fitted = {key: _fitted(loaded[key], value) for key, value in own.items()}
    kept = {
        key: own[key] for key in (f"{last}.weight", f"{last}.bias") if fitted[key].shape != own[key].shape
    }
    network.load_state_dict({**fitted, **kept})


def _fitted(value: Tensor, own: Tensor) -> Tensor:
    """The first convolution's weights for other channels: their sum over three of them, spread evenly."""
    if value.ndim != 5 or value.shape[1] != 3 or own.shape[1] == 3:
        return value
    return value.sum(1, keepdim=True).expand(-1, own.shape[1], -1, -1, -1) / own.shape[1]
