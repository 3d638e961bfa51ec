"""Metrics judge answers, so that a network and its exported file are judged alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from zoo.contracts.signature import Binary, Classes, Labels, Target
from zoo.options import schema_of
from zoo.registry import Registry
from zoo.training.step import reduce


def compute(
    registry: Registry, names: Sequence[str], target: Target, answers: Mapping[str, Any], truth: Any
) -> dict[str, float]:
    """Each metric over all examples.

    Args:
        registry: Where metrics are looked up.
        names: Metric entries that fit the target.
        target: What was predicted.
        answers: Arrays as the exported model gives them, the examples along the first axis.
        truth: As ``Examples.target``.
    """
    judged = _as_tensor(answers[target.judged_by])
    expected = encode_truth(target, truth)
    values = {}
    for name in names:
        registered = registry.get("metric", name)
        options = schema_of(registry.load(registered)).arguments({}, where=f"{name}.")
        metric = registry.build(registered, target, **options)
        metric.update(judged, expected)
        values[name] = float(metric.compute())
    return values


def encode_truth(target: Target, truth: Any) -> torch.Tensor:
    """Truth as metrics take it: indices, 0/1, or values in their own unit."""
    if isinstance(target, Classes | Binary):
        index = {label: place for place, label in enumerate(target.labels)}
        return torch.tensor([index[label] for label in truth], dtype=torch.int64)
    return torch.as_tensor(
        np.asarray(truth), dtype=torch.int64 if isinstance(target, Labels) else torch.float64
    )


def mean_loss(loss: Callable[[Any, Any], Any], scores: torch.Tensor, target: torch.Tensor) -> float:
    """The cost over all examples, reduced as in training."""
    total, count = reduce(loss(scores, target))
    return float(total / count)


def _as_tensor(answers: Any) -> torch.Tensor:
    # Double: sums over many examples, and values whose squares leave float32.
    return torch.as_tensor(np.asarray(answers)).to(torch.float64)
