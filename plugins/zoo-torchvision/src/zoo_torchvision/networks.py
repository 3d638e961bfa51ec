"""One factory for all classifiers of torchvision: ``zoo_torchvision.networks:resnet18`` is that of ``resnet18``."""

from collections.abc import Callable
from typing import Any

import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum
from torchvision.transforms._presets import ImageClassification

from zoo.plugin import Signature, UsageError
from zoo_torchvision.scored import (
    Constants,
    Restandardise,
    Scored,
    misfit,
    num_scores,
    picture_shape,
    require_fit,
)

_SIZED = {"vision_transformer": "image_size", "maxvit": "input_size"}
"""Families that are built for one size of picture, and what their builders call it."""

_WITHOUT_AUXILIARY = {
    "inception": {"aux_logits": False, "init_weights": True},
    "googlenet": {"aux_logits": False, "init_weights": True},
}
"""Families with further classifiers half-way, which Zoo trains without as their authors answer without."""

_HALVES: Constants = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


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
        if tag and not pretrained:
            raise UsageError(f"tag={tag!r} names weights that are not asked for", fix="add pretrained=true")
        network = _create(name, signature)
        if not pretrained:
            return Scored(network, signature.outputs)
        weights = weights_of(name, tag)
        _load(network, name, weights)
        return Scored(network, signature.outputs, _restandardise(name, signature, weights))

    factory.__name__ = factory.__qualname__ = name
    return factory


def family_of(name: str) -> str:
    """The module of torchvision that builds a network."""
    return str(torchvision.models.get_model_builder(name).__module__).rpartition(".")[2]


def weights_of(name: str, tag: str) -> WeightsEnum:
    """The weights that a tag names, the library's default ones for an empty tag.

    Raises:
        UsageError: There are none of that name.
    """
    offered = torchvision.models.get_model_weights(name)
    # Weights without categories are those of a backbone alone: the layers above it are not numbers.
    whole = {each.name for each in offered if each.meta.get("categories")}
    if tag and tag not in whole:
        known = ", ".join(sorted(whole))
        raise UsageError(
            f"there are no weights {tag!r} of {name}",
            fix=f"weights of {name} in torchvision {torchvision.__version__}: {known}",
        )
    return offered[tag] if tag else offered.DEFAULT


def preset_of(weights: WeightsEnum) -> ImageClassification:
    """How pictures are brought to a network with those weights."""
    preset = weights.transforms()
    assert isinstance(preset, ImageClassification)
    return preset


def _create(name: str, signature: Signature) -> nn.Module:
    channels, height, width = shape = picture_shape(signature)
    usual, family = preset_of(weights_of(name, "")).crop_size[0], family_of(name)
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
        _set_channels(network, channels)
    require_fit(network, shape, name=name, usual=usual)
    return network  # type: ignore[no-any-return]


def _set_channels(network: nn.Module, channels: int) -> None:
    """Replaces the first convolution by one for pictures of other than three channels."""
    path, first = next(
        (path, module) for path, module in network.named_modules() if isinstance(module, nn.Conv2d)
    )
    replaced = nn.Conv2d(
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
        UsageError: The weights cannot be loaded, or do not fit.
    """
    try:
        loaded = torchvision.models.get_model(name, weights=weights, progress=False).state_dict()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"the weights {weights.name} of {name} cannot be loaded from {weights.url}: {error}",
            fix="torchvision downloads them once: connect to the internet, or leave out pretrained=true",
        ) from error
    own = network.state_dict()
    fitted = {key: _fitted(loaded[key], value) for key, value in own.items()}
    last = _last_layer(network)
    kept = {
        key: own[key] for key in (f"{last}.weight", f"{last}.bias") if fitted[key].shape != own[key].shape
    }
    try:
        network.load_state_dict({**fitted, **kept})
    except RuntimeError as error:
        side = preset_of(weights).crop_size[0]
        raise UsageError(
            f"the weights {weights.name} of {name} do not fit: they are for pictures of {side} x {side} pixels",
            fix=f"data.size={side}",
        ) from error


def _last_layer(network: nn.Module) -> str:
    """The path of the layer that emits the scores."""
    return [path for path, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]


def _fitted(value: Tensor, own: Tensor) -> Tensor:
    """The first convolution's weights for other channels: their sum over three of them, spread evenly."""
    if value.ndim != 4 or value.shape[1] != 3 or own.shape[1] == 3:
        return value
    return value.sum(1, keepdim=True).expand(-1, own.shape[1], -1, -1) / own.shape[1]


def _restandardise(name: str, signature: Signature, weights: WeightsEnum) -> nn.Module | None:
    """Preprocessing standardises by the constants of the default weights; other weights may have others."""
    usual = preset_of(weights_of(name, ""))
    given = (usual.mean, usual.std)
    preset = preset_of(weights)
    # These weights were ported with the halves they were trained with; torchvision converts inside instead.
    wanted = _HALVES if family_of(name) in _WITHOUT_AUXILIARY else (preset.mean, preset.std)
    channels, *_ = picture_shape(signature)
    if list(map(list, given)) == list(map(list, wanted)) or channels not in (1, 3):
        return None
    return Restandardise(channels, given, wanted)
