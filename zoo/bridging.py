"""For plugins that bring another library's networks: what stands between Zoo's pictures and Zoo's scores."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError

Scores = Tensor | tuple[Tensor, ...]
Constants = tuple[Sequence[float], Sequence[float]]
"""Mean and deviation of each channel, of grey levels from 0 to 1."""


class Scored(nn.Module):
    """A network of ``num_scores`` outputs, cut into the scores of each target.

    Args:
        network: Takes pictures ``[batch, channels, height, width]``, gives ``[batch, num_scores]``.
        outputs: What to emit.
        restandardise: What stands in front of it.
    """

    def __init__(
        self, network: nn.Module, outputs: tuple[TensorSpec, ...], restandardise: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.restandardise = restandardise or nn.Identity()
        self.network = network
        self.shapes = [_shape(spec) for spec in outputs]

    def forward(self, pictures: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple."""
        scores: Tensor = self.network(self.restandardise(pictures))
        parts = torch.split(scores, [math.prod(shape) for shape in self.shapes], dim=1)
        shaped = tuple(part.reshape(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True))
        return shaped[0] if len(shaped) == 1 else shaped


class Restandardise(nn.Module):
    """Pictures that one pair of constants standardised become those that another would have.

    ``(x * std + mean - other mean) / other std`` a channel; a picture of one channel has the means of
    the constants, as preprocessing does.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, channels: int, given: Constants, wanted: Constants) -> None:
        super().__init__()
        mean, std, other_mean, other_std = (_by_channel(each, channels) for each in (*given, *wanted))
        # Not saved: they belong to the weights that were chosen, as the recipe says which.
        self.register_buffer("scale", std / other_std, persistent=False)
        self.register_buffer("shift", (mean - other_mean) / other_std, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures ``[batch, channels, height, width]``."""
        return torch.addcmul(self.shift, pictures, self.scale)


def num_scores(signature: Signature) -> int:
    """How many numbers a network emits for all targets together."""
    return sum(math.prod(_shape(spec)) for spec in signature.outputs)


def picture_shape(signature: Signature) -> tuple[int, int, int]:
    """Channels, height and width of the pictures."""
    channels, height, width = signature.inputs[0].shape
    assert channels is not None
    assert height is not None
    assert width is not None
    return channels, height, width


def require_fit(network: nn.Module, shape: tuple[int, int, int], *, name: str, usual: int) -> None:
    """Runs the network once on an empty picture.

    Raises:
        DataError: It cannot take pictures of that size.
    """
    device = next(network.parameters()).device
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, *shape, device=device))
    except (ArithmeticError, RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
        raise misfit(name, shape, usual, error) from error
    finally:
        network.train(was_training)


def misfit(name: str, shape: tuple[int, int, int], usual: int, error: Exception) -> DataError:
    """The error for pictures that a network cannot take."""
    channels, height, width = shape
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return DataError(
        f"{name} cannot take pictures of {height} x {width} pixels and {channels} channels: {lines[0]}",
        fix=f"bring them to the size it is made for: data.size={usual}",
    )


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(size for size in spec.shape if size is not None)


def _by_channel(values: Sequence[float], channels: int) -> Tensor:
    constants = torch.tensor(list(values))
    if channels == 1:
        constants = constants.mean(0, keepdim=True)
    return constants[:, None, None]
