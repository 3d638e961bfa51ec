"""One factory for all classifiers of torchvision: ``zoo_torchvision.networks:resnet18`` is that of ``resnet18``."""

from collections.abc import Callable
from typing import Any

import torchvision
from torch import nn
from torchvision.models import WeightsEnum
from torchvision.transforms._presets import ImageClassification

from zoo.plugin import Restandardise, Scored, Signature, misfit, num_scores, picture_shape, require_fit
from zoo_torchvision.weights import last_layer, load, require_asked, set_channels, weights_of

_SIZED = {"vision_transformer": "image_size", "maxvit": "input_size"}
"""Families that are built for one size of picture, and what their builders call it."""

_WITHOUT_AUXILIARY = {
    "inception": {"aux_logits": False, "init_weights": True},
    "googlenet": {"aux_logits": False, "init_weights": True},
}
"""Families with further classifiers half-way, which Zoo trains without as their authors answer without."""

_HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def __getattr__(name: str) -> Callable[..., Scored]:
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise AttributeError(f"torchvision {torchvision.__version__} has no classifier {name!r}")

    def factory(signature: Signature, *, pretrained: bool = False, tag: str = "") -> Scored:
        """A classifier of torchvision.

        Args:
            signature: One picture ``[channels, height, width]``, and the scores to emit.
            pretrained: Whether to start from torchvision's weights, which are downloaded once; all but the last layer.
            tag: Which weights, as torchvision calls them (IMAGENET1K_V1); its default ones if empty.

        Raises:
            DataError: The network cannot take pictures of that size.
            UsageError: There are no such weights, or they cannot be loaded.
        """
        require_asked(tag, is_asked=pretrained)
        network = _create(name, signature)
        if not pretrained:
            return Scored(network, signature.outputs)
        weights = weights_of(name, tag)
        load(network, name, weights, own=last_layer(network))
        return Scored(network, signature.outputs, _restandardise(name, signature, weights))

    factory.__name__ = factory.__qualname__ = name
    return factory


def family_of(name: str) -> str:
    """The module of torchvision that builds a network."""
    return str(torchvision.models.get_model_builder(name).__module__).rpartition(".")[2]


def preset_of(weights: WeightsEnum) -> ImageClassification:
    """How pictures are brought to a network with those weights."""
    preset = weights.transforms()
    assert isinstance(preset, ImageClassification)
    return preset


def _create(name: str, signature: Signature) -> nn.Module:
    channels, height, width = shape = picture_shape(signature)
    usual, family = preset_of(weights_of(name)).crop_size[0], family_of(name)
    arguments: dict[str, Any] = {**_WITHOUT_AUXILIARY.get(family, {}), "num_classes": num_scores(signature)}
    if family in _SIZED:
        if height != width:
            raise misfit(name, shape, usual, ValueError("it takes square pictures"))
        arguments[_SIZED[family]] = height if family == "vision_transformer" else (height, width)
    try:
        network = torchvision.models.get_model(name, weights=None, **arguments)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise misfit(name, shape, usual, error) from error
    if channels != 3:
        set_channels(network, channels)
    require_fit(network, shape, name=name, usual=usual)
    return network  # type: ignore[no-any-return]


def _restandardise(name: str, signature: Signature, weights: WeightsEnum) -> nn.Module | None:
    """Preprocessing standardises by the constants of the default weights; other weights may have others."""
    usual = preset_of(weights_of(name))
    given = (usual.mean, usual.std)
    preset = preset_of(weights)
    # These weights were ported with the halves they were trained with; torchvision converts inside instead.
    wanted = _HALVES if family_of(name) in _WITHOUT_AUXILIARY else (preset.mean, preset.std)
    channels, *_ = picture_shape(signature)
    if list(map(list, given)) == list(map(list, wanted)) or channels not in (1, 3):
        return None
    return Restandardise(channels, given, wanted)
