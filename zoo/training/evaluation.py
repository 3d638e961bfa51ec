"""Judges a network on a split: its scores become answers by the graph that ships, answers become metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from zoo.contracts.entries import Metric
from zoo.contracts.recipe import Recipe
from zoo.contracts.signature import Target
from zoo.postprocessing import Answers
from zoo.registry import Registry
from zoo.training.devices import autocast
from zoo.training.encoded import EncodedSplit
from zoo.training.metrics import compute, mean_loss

_BATCH_SIZE = 256


@dataclass(frozen=True)
class Judge:
    """How a run's network is judged.

    Attributes:
        player: The player that answers.
        target: What is predicted.
        answers: The postprocessing graph.
        loss: The recipe's loss.
    """

    registry: Registry
    recipe: Recipe
    player: str
    target: Target
    answers: Answers
    loss: Callable[[Any, Any], Any]
    device: torch.device

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics besides the loss."""
        return self.recipe.settings.metrics

    @property
    def best_metric(self) -> str:
        """The metric that chooses the best checkpoint."""
        return self.recipe.settings.checkpoint.best or (self.names[0] if self.names else "loss")

    @property
    def higher_is_better(self) -> bool:
        """Which way the best metric goes."""
        if self.best_metric == "loss":
            return False
        entry = self.registry.get("metric", self.best_metric).entry
        assert isinstance(entry, Metric)
        return entry.higher_is_better

    def judge(self, network: torch.nn.Module, split: EncodedSplit) -> dict[str, float]:
        """The loss and every metric on a split."""
        scores = score(network, split, self.device, self.recipe.settings.precision)
        loss = mean_loss(self.loss, scores, split.target)
        answers = self.answers(scores.numpy())
        return {"loss": loss, **compute(self.registry, self.names, self.target, answers, split.truth)}


def score(
    network: torch.nn.Module, split: EncodedSplit, device: torch.device, precision: str
) -> torch.Tensor:
    """The network's scores on every example, float32 ``[examples, ...]`` on the CPU."""
    was_training = network.training
    network.eval()
    parts = []
    with torch.no_grad(), autocast(device, precision):
        for start in range(0, len(split), _BATCH_SIZE):
            batch = split.batch(torch.arange(start, min(start + _BATCH_SIZE, len(split))))
            parts.append(network(*batch.inputs).float().cpu())
    network.train(was_training)
    return torch.cat(parts)
