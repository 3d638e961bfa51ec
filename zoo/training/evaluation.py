"""Judges networks on a split: scores become answers by the graph that ships, answers become metrics."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from zoo.contracts.entries import Metric
from zoo.contracts.examples import Batch
from zoo.contracts.recipe import Recipe
from zoo.contracts.targets import Labels, Mask, Several, Target, Tokens
from zoo.data.batches import derive_seed
from zoo.postprocessing import Answers
from zoo.postprocessing.mask import by_size
from zoo.registry import Registry
from zoo.training.encoded import EncodedSplit
from zoo.training.metrics import Meter, log_likelihoods
from zoo.training.objectives import Objective
from zoo.training.precision import autocast
from zoo.training.reduction import reduce
from zoo.training.thresholds import choose_thresholds

_BATCH_SIZE = 256
LAST = "last"
"""Stands for a metric where the newest checkpoint is the one that answers."""

Models = Mapping[str, torch.nn.Module]
Scores = tuple[torch.Tensor, ...]


class GivenUp(Exception):
    """Judging was ended before all was seen."""


@dataclass(frozen=True)
class Judgement:
    """What a split says of networks.

    Attributes:
        metrics: The loss, and every metric by name.
        target: The target, its thresholds tuned on this split where they were asked for.
    """

    metrics: dict[str, float]
    target: Target


@dataclass(frozen=True)
class Judge:
    """How a run's networks are judged.

    Attributes:
        player: The player that answers.
        target: What is predicted.
        answers: The postprocessing graph.
        objective: Played without updates, it tells the losses.
    """

    registry: Registry
    recipe: Recipe
    player: str
    target: Target
    answers: Answers
    objective: Objective
    device: torch.device

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics besides the loss."""
        return self.recipe.settings.metrics

    @property
    def best_metric(self) -> str:
        """The metric that chooses the best checkpoint, or ``"last"``; the loss of several targets at once."""
        first = self.names[0] if self.names and not isinstance(self.target, Several) else "loss"
        return self.recipe.settings.checkpoint.best or first

    @property
    def higher_is_better(self) -> bool:
        """Which way the best metric goes."""
        if self.best_metric in ("loss", LAST):
            return False
        entry = self.registry.get("metric", self.best_metric.rpartition(".")[2]).entry
        assert isinstance(entry, Metric)
        return entry.higher_is_better

    def judge(
        self,
        models: Models,
        split: EncodedSplit,
        *,
        tunes: bool = False,
        is_asked_to_stop: Callable[[], bool] = lambda: False,
    ) -> Judgement:
        """The losses and every metric on a split.

        Args:
            models: By player.
            split: What they are judged on.
            tunes: Whether the thresholds of labels are chosen here first, for the largest F1 of each.
            is_asked_to_stop: Asked before each batch.

        Raises:
            GivenUp: It was asked to stop.
        """
        losses: dict[str, list[tuple[float, float]]] = {}
        heard: list[tuple[dict[str, Any], Any]] = []
        meter = Meter(self.registry, self.names, self.target)
        size = self._batch_size()
        for start in range(0, len(split), size):
            if is_asked_to_stop():
                raise GivenUp
            indices = torch.arange(start, min(start + size, len(split)))
            batch = split.batch(indices)
            scores = self._play(models, batch, losses, seed=start)
            answers, truth = self._answer(scores, batch, split, indices), split.truth_at(indices)
            if isinstance(self.target, Labels):
                heard.append((answers, truth))
            else:
                meter.update(answers, truth)
        target = self._with_choices(heard, meter, tunes=tunes) if heard else self.target
        means = {name: sum(t for t, _ in each) / sum(c for _, c in each) for name, each in losses.items()}
        return Judgement({**self._named(means), **meter.compute()}, target)

    def picture(self, models: Models, split: EncodedSplit) -> dict[str, Any]:
        """The answers to the first examples of a split, to be looked at."""
        indices = torch.arange(min(64, len(split)))
        batch = split.batch(indices)
        with _answering(models), torch.no_grad():
            scores = models[self.player](*batch.inputs)
        return self._answer(_on_cpu(scores), batch, split, indices)

    def with_target(self, target: Target) -> "Judge":
        """The same judge for a target whose thresholds are known."""
        return replace(self, target=target)

    def _play(
        self, models: Models, batch: Batch, losses: dict[str, list[tuple[float, float]]], *, seed: int
    ) -> Scores:
        """Plays the turns of a batch without updates; the scores are overheard where the player answers."""
        precision = self.recipe.settings.precision
        seed = derive_seed(self.recipe.settings.seed, "judge", seed)
        with _answering(models), torch.no_grad(), autocast(self.device, precision):
            with _seeded(seed), _listening(models[self.player], batch) as overheard:
                for turn in self.objective(models, batch):
                    total, count = reduce(turn.loss)
                    losses.setdefault(turn.player, []).append((float(total), float(count)))
            scores = overheard[0] if overheard else models[self.player](*batch.inputs)
        return _on_cpu(scores)

    def _answer(
        self, scores: Scores, batch: Batch, split: EncodedSplit, indices: torch.Tensor
    ) -> dict[str, Any]:
        if isinstance(self.target, Tokens):
            return {self.target.judged_by: log_likelihoods(scores[0], batch.target.cpu()).numpy()}
        emitted = {spec.name: each.numpy() for spec, each in zip(self.target.outputs, scores, strict=False)}
        carried = split.carried(indices)
        if isinstance(self.target, Mask):
            return by_size(self.answers, emitted, carried)
        return self.answers(emitted, carried)

    def _with_choices(self, heard: Any, meter: Meter, *, tunes: bool) -> Target:
        """Labels as they are chosen by the thresholds, which may be tuned on what was heard."""
        assert isinstance(self.target, Labels)
        measure, decision = self.target.judged_by, self.target.decided_by
        probabilities = np.concatenate([answers[measure] for answers, _ in heard])
        truth = np.concatenate([each for _, each in heard])
        target = self.target
        if tunes:
            target = replace(target, thresholds=choose_thresholds(probabilities, truth))
        chosen = probabilities >= np.array(target.cuts, np.float32)
        meter.update({measure: probabilities, decision: chosen}, truth)
        return target

    def _named(self, means: Mapping[str, float]) -> dict[str, float]:
        """``loss`` is the answering player's; where several take turns, each has one of its own."""
        if len(means) == 1:
            return {"loss": next(iter(means.values()))}
        return {"loss": means[self.player], **{f"{name}_loss": mean for name, mean in means.items()}}

    def _batch_size(self) -> int:
        # What a network emits for a text or a picture of many places is large: no more at once than in training.
        is_dense = any(None in spec.shape for spec in self.target.outputs)
        return self.recipe.settings.batch_size if is_dense else _BATCH_SIZE


def _on_cpu(scores: Any) -> Scores:
    """Scores as answers are made of them: a tuple of float32 on the CPU, whatever the network ran in."""
    return tuple(each.float().cpu() for each in (scores if isinstance(scores, tuple) else (scores,)))


@contextmanager
def _answering(models: Models) -> Iterator[None]:
    """Every network in eval mode, and afterwards as it was."""
    modes = {name: module.training for name, module in models.items()}
    for module in models.values():
        module.eval()
    try:
        yield
    finally:
        for name, module in models.items():
            module.train(modes[name])


@contextmanager
def _listening(module: torch.nn.Module, batch: Batch) -> Iterator[list[Any]]:
    """What a network says to the whole of a batch while the objective is played."""
    heard: list[Any] = []

    def listen(_: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if len(inputs) == len(batch.inputs) and all(
            given is whole for given, whole in zip(inputs, batch.inputs, strict=True)
        ):
            heard.append(output)

    handle = module.register_forward_hook(listen)
    try:
        yield heard
    finally:
        handle.remove()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The random state of the world is left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
