"""The built-in objective, and how the losses of several targets make one; others come from plugins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from zoo.contracts.examples import Batch, Turn, Turns

Objective = Callable[[Mapping[str, torch.nn.Module], Batch], Turns]
"""Who plays when: the turns of one micro-batch, its loss and options bound."""


def supervised(models: Mapping[str, torch.nn.Module], batch: Batch, loss: Callable[[Any, Any], Any]) -> Turns:
    """One player learns to answer the target: minimise the mean of ``loss(model(inputs), target)``."""
    yield Turn("model", loss(models["model"](*batch.inputs), batch.target))


@dataclass(frozen=True)
class SeveralLosses:
    """The weighted sum of one loss a target, averaged over examples.

    Where a part's truth is not known (NaN, or class -100) the example's value of that part is left out.

    Attributes:
        losses: One a target, in the order of the parts.
        weights: What each counts.
    """

    losses: Sequence[Callable[[Any, torch.Tensor], Any]]
    weights: Sequence[float]

    def __call__(self, prediction: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> torch.Tensor:
        """Values ``[batch]``."""
        parts = [
            weight * _known_values(loss, scores, truth)
            for loss, weight, scores, truth in zip(self.losses, self.weights, prediction, target, strict=True)
        ]
        return torch.stack(parts).sum(0)


def _known_values(
    loss: Callable[[Any, torch.Tensor], Any], scores: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    """One value an example, 0 where the truth is not known."""
    is_known = ~truth.isnan() if truth.is_floating_point() else truth >= 0
    is_known = is_known.reshape(len(truth), -1).all(1)
    given = loss(scores[is_known], truth[is_known])
    values, weights = given if isinstance(given, tuple) else (given, torch.ones_like(given))
    one_each = (values * weights).reshape(len(values), -1).mean(1)
    return torch.zeros(len(truth), dtype=one_each.dtype, device=one_each.device).masked_scatter(
        is_known, one_each
    )
