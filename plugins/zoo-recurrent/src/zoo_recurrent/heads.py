"""The last layers: vectors become scores in the shapes that the target asks for."""

import math

import torch
from torch import Tensor, nn

Shape = tuple[int | None, ...]


class Head(nn.Linear):
    """Linear map from features ``[batch, features]`` to scores ``[batch, *shape]``.

    It starts with small weights and no bias, so that the first predictions are nearly even over the
    classes, or near the mean of a standardised value, whatever the number of features.
    """

    def __init__(self, num_features: int, shape: Shape) -> None:
        self.shape = tuple(size for size in shape if size is not None)
        super().__init__(num_features, math.prod(self.shape))

    def reset_parameters(self) -> None:
        """Fills the weights from N(0, 0.01^2) and the bias with zeros."""
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Scores ``[batch, *shape]`` of features ``[batch, features]``."""
        return super().forward(features).reshape(-1, *self.shape)


class Autoregression(nn.Module):
    """A linear forecast from the last steps of a series, to be added to the network's.

    The autoregressive part of Lai et al. 2017 (arXiv:1703.07015, section 3.6): a recurrent network is slow
    to learn that its answer is to follow the scale of its input, a linear map is not. Steps before the
    first one count as zero, the mean of the window.

    Args:
        num_steps: How many of the last steps it reads.
        num_features: Features of a step.
        shape: Of an example's forecast.
    """

    def __init__(self, num_steps: int, num_features: int, shape: Shape) -> None:
        super().__init__()
        self.num_steps = num_steps
        self.head = Head(num_steps * num_features, shape)

    def forward(self, series: Tensor, lengths: Tensor) -> Tensor:
        """Scores ``[batch, *shape]`` of ``[batch, length, features]``."""
        backwards = torch.arange(self.num_steps, 0, -1, device=lengths.device)
        places = (lengths.unsqueeze(1) - backwards).unsqueeze(-1)
        last = series.gather(1, places.clamp(min=0).expand(-1, -1, series.shape[2]))
        scores: Tensor = self.head(last.masked_fill(places < 0, 0.0).flatten(1))
        return scores
