"""The last layer: features become scores in the shape that the target asks for."""

import math

from torch import Tensor, nn


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
