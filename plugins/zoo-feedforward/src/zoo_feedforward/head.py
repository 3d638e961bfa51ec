"""The last layer: features become scores in the shape that the target asks for."""

import math

from torch import Tensor, nn

from zoo.plugin import TensorSpec

Scores = Tensor | tuple[Tensor, ...]


class Head(nn.Linear):
    """Linear map from features ``[batch, features]`` to scores ``[batch, *shape]``.

    It starts with small weights and no bias, so that the first predictions are nearly even over the
    classes, or near the mean of a standardised value, whatever the width of the layer before it.
    """

    def __init__(self, num_features: int, shape: tuple[int | None, ...]) -> None:
        self.shape = tuple(size for size in shape if size is not None)
        super().__init__(num_features, math.prod(self.shape))

    def reset_parameters(self) -> None:
        """Fills the weights from N(0, 0.01^2) and the bias with zeros."""
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Scores ``[batch, *shape]`` of features ``[batch, features]``."""
        return super().forward(features).reshape(-1, *self.shape)


class Heads(nn.Module):
    """One head a target, where there are several: a tuple of scores from the same features."""

    def __init__(self, num_features: int, outputs: tuple[TensorSpec, ...]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Head(num_features, spec.shape) for spec in outputs)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Scores ``[batch, *shape]`` of each target, of features ``[batch, features]``."""
        return tuple(part(features) for part in self.parts)


def head_for(num_features: int, outputs: tuple[TensorSpec, ...]) -> nn.Module:
    """The head of one target, or those of several."""
    return Head(num_features, outputs[0].shape) if len(outputs) == 1 else Heads(num_features, outputs)
