"""torchvision's own weights, found by their tags and loaded into networks for other classes and channels."""

from collections.abc import Container

import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from zoo.plugin import UsageError, is_restoring


def weights_of(name: str, tag: str = "") -> WeightsEnum:
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


def require_asked(tag: str, *, is_asked: bool) -> None:
    """Refuses a tag where no weights are wanted.

    Raises:
        UsageError: There is one.
    """
    if tag and not is_asked:
        raise UsageError(f"tag={tag!r} names weights that are not asked for", fix="add pretrained=true")


def load(network: nn.Module, name: str, weights: WeightsEnum, *, own: Container[str]) -> None:
    """Fills a network from the library's own, unless a checkpoint is going to fill it.

    Args:
        network: The one to be filled.
        name: What the library calls it.
        weights: Which weights.
        own: Names of numbers that may stay as they are, where those of the library have another shape.

    Raises:
        UsageError: The weights cannot be loaded, or do not fit.
    """
    if is_restoring():
        return
    try:
        loaded = torchvision.models.get_model(name, weights=weights, progress=False).state_dict()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"the weights {weights.name} of {name} cannot be loaded from {weights.url}: {error}",
            fix="torchvision downloads them once: connect to the internet, or leave out pretrained=true",
        ) from error
    begun = network.state_dict()
    fitted = {key: _fitted(loaded[key], value) for key, value in begun.items()}
    kept = {key: value for key, value in begun.items() if key in own and fitted[key].shape != value.shape}
    try:
        network.load_state_dict({**fitted, **kept})
    except RuntimeError as error:
        (side,) = set(weights.transforms().crop_size)
        raise UsageError(
            f"the weights {weights.name} of {name} do not fit: they are for pictures of {side} x {side} pixels",
            fix=f"data.size={side}",
        ) from error


def last_layer(network: nn.Module) -> tuple[str, str]:
    """The names of the weights and biases that emit the scores."""
    kinds = nn.Linear | nn.Conv2d | nn.Conv3d
    path = [path for path, module in network.named_modules() if isinstance(module, kinds)][-1]
    return f"{path}.weight", f"{path}.bias"


def set_channels(network: nn.Module, channels: int) -> None:
    """Replaces the first convolution by one for pictures or frames of other than three channels."""
    path, first = next(
        (path, module)
        for path, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Conv3d)
    )
    replaced = type(first)(
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


def _fitted(value: Tensor, own: Tensor) -> Tensor:
    """The first convolution's weights for other channels: their sum over three of them, spread evenly."""
    if value.ndim < 4 or value.shape[1] != 3 or own.shape[1] == 3:
        return value
    return value.sum(1, keepdim=True).expand_as(own) / own.shape[1]
