"""Metrics judge answers, so that a network and its exported file are judged alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from zoo.contracts.entries import Metric
from zoo.contracts.targets import (
    UNKNOWN_PIXEL,
    Binary,
    Boxes,
    Classes,
    Forecast,
    Labels,
    Mask,
    Several,
    Target,
    Tokens,
    part_name,
)
from zoo.options import schema_of
from zoo.registry import Registry

Answers = Mapping[str, Any]


class Meter:
    """Metrics of one target, fed batch by batch.

    Args:
        registry: Where metrics are looked up.
        names: Metric entries that fit the target; for several targets ``PART.METRIC``.
        target: What is predicted.
    """

    def __init__(self, registry: Registry, names: Sequence[str], target: Target) -> None:
        self._target = target
        self._parts: dict[str, Meter] = {}
        self._metrics: dict[str, tuple[Metric, Any]] = {}
        if isinstance(target, Several):
            for part in target.parts:
                own = [each.partition(".") for each in names]
                chosen = [metric for name, _, metric in own if name == part_name(part)]
                self._parts[part_name(part)] = Meter(registry, chosen, part)
        else:
            self._metrics = {name: _build(registry, name, target) for name in names}

    def update(self, answers: Answers, truth: Any) -> None:
        """Adds a batch.

        Args:
            answers: Arrays as the exported model gives them, the examples along the first axis.
            truth: As ``Examples.target``.
        """
        for name, meter in self._parts.items():
            prefix = f"{name}_"
            own = {key.removeprefix(prefix): each for key, each in answers.items() if key.startswith(prefix)}
            meter.update(*_known(own, truth[name]))
        if not self._metrics:
            return
        if isinstance(self._target, Mask):
            self._update_by_pixel(answers, truth)
            return
        expected = encode_truth(self._target, truth)
        for entry, metric in self._metrics.values():
            metric.update(judged(self._target, answers, entry), expected)

    def _update_by_pixel(self, answers: Answers, truth: Any) -> None:
        """Picture by picture, since they differ in size and the pixels are many; both as places of labels."""
        for answer, mask in zip(answers[self._target.decided_by], truth, strict=True):
            pixels, expected = np.asarray(answer), np.asarray(mask)
            is_known = (expected != UNKNOWN_PIXEL) & (pixels != UNKNOWN_PIXEL)
            given, wanted = (torch.from_numpy(each[is_known].astype(np.int64)) for each in (pixels, expected))
            for _, metric in self._metrics.values():
                metric.update(given, wanted)

    def compute(self) -> dict[str, float]:
        """Every metric over all batches; one with a figure a label has them as ``METRIC[LABEL]``."""
        values: dict[str, float] = {}
        for part, meter in self._parts.items():
            values |= {f"{part}.{name}": value for name, value in meter.compute().items()}
        for name, (_, metric) in self._metrics.items():
            figure = metric.compute()
            if figure.ndim == 0:
                values[name] = float(figure)
            else:
                labels: Sequence[str] = self._target.labels  # type: ignore[attr-defined]
                values |= {
                    f"{name}[{label}]": float(each) for label, each in zip(labels, figure, strict=True)
                }
        return values


def compute(
    registry: Registry, names: Sequence[str], target: Target, answers: Answers, truth: Any
) -> dict[str, float]:
    """Each metric over all examples at once."""
    meter = Meter(registry, names, target)
    meter.update(answers, truth)
    return meter.compute()


def judged(target: Target, answers: Answers, entry: Metric) -> Any:
    """What a metric is given: the measure in double precision, the decision encoded as the truth, or boxes."""
    if isinstance(target, Boxes):
        return answers
    if entry.judges == "decision":
        return encode_truth(target, answers[target.decided_by])
    # Double: sums over many examples, and values whose squares leave float32.
    measure = torch.as_tensor(np.asarray(answers[target.judged_by])).to(torch.float64)
    return measure.flatten(0, 1) if isinstance(target, Forecast) else measure


def encode_truth(target: Target, truth: Any) -> Any:
    """Truth as metrics take it: indices, 0/1 with -1 where it is not known, or values in their own unit."""
    if isinstance(target, Classes | Binary):
        index = {label: place for place, label in enumerate(target.labels)}
        return torch.tensor([index[label] for label in truth], dtype=torch.int64)
    if isinstance(target, Labels):
        known = np.nan_to_num(np.asarray(truth, np.float64), nan=-1)
        return torch.as_tensor(known.astype(np.int64))
    if isinstance(target, Boxes | Tokens):
        return truth
    values = torch.as_tensor(np.asarray(truth), dtype=torch.float64)
    return values.flatten(0, 1) if isinstance(target, Forecast) else values


def log_likelihoods(logits: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
    """Log softmax(z)[y] of the token y that follows, ``[batch, length]``; NaN where none does.

    Args:
        logits: ``[batch, length, vocabulary]``.
        following: int64 ``[batch, length]``, 0 where no token follows.
    """
    chosen = logits.log_softmax(-1).gather(-1, following.unsqueeze(-1)).squeeze(-1)
    return chosen.masked_fill(following == 0, torch.nan)


def _build(registry: Registry, name: str, target: Target) -> tuple[Metric, Any]:
    registered = registry.get("metric", name)
    options = schema_of(registry.load(registered)).arguments({}, where=f"{name}.")
    assert isinstance(registered.entry, Metric)
    return registered.entry, registry.build(registered, target, **options)


def _known(answers: Answers, truth: Any) -> tuple[Answers, Any]:
    """The examples of which one part of several targets is known."""
    is_known = truth != "" if truth.dtype == object else ~np.isnan(truth).reshape(len(truth), -1).any(axis=1)
    chosen = truth[is_known]
    chosen = chosen if chosen.dtype == object else chosen.reshape(len(chosen), -1)
    return {name: each[is_known] for name, each in answers.items()}, chosen
