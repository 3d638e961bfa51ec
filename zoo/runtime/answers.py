"""Answers of a model: as plain rows, and compared with those that were expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.signature import Target
from zoo.runtime.batches import Array

Answers = Mapping[str, Array]
Tolerance = Mapping[str, tuple[float, ...]]
Reals = npt.NDArray[np.float64]

DECISIONS = {"classes": "label", "binary": "label", "labels": "labels"}
MEASURES = {
    "classes": "probabilities",
    "binary": "probability",
    "labels": "probabilities",
    "values": "values",
}
"""By kind of target, the answer that is chosen among few, and the one that is a real number."""


def rows(target: Target, answers: Answers) -> list[dict[str, Any]]:
    """One plain, JSON-able object an example.

    Classes give ``label`` and ``probabilities`` by label, Binary ``label`` and ``probability``, Labels the
    chosen ``labels`` and ``probabilities`` by label, Values the list ``values``.
    """
    measures = answers[target.judged_by].tolist()
    if target.kind == "values":
        return [{"values": values} for values in measures]
    decisions = answers[DECISIONS[target.kind]].tolist()
    names: tuple[str, ...] = target.labels  # type: ignore[attr-defined]
    if target.kind == "binary":
        return [
            {"label": label, "probability": probability}
            for label, probability in zip(decisions, measures, strict=True)
        ]
    if target.kind == "labels":
        decisions = [[name for name, chosen in zip(names, row, strict=True) if chosen] for row in decisions]
    return [
        {DECISIONS[target.kind]: decision, "probabilities": dict(zip(names, probabilities, strict=True))}
        for decision, probabilities in zip(decisions, measures, strict=True)
    ]


def measured(target: Target, output: str) -> bool:
    """Whether an output is a real number, compared within a tolerance, and not a choice."""
    return output != DECISIONS.get(target.kind)


@dataclass(frozen=True)
class Fault:
    """An answer that is not the expected one."""

    output: str
    example: int
    message: str


def distance(expected: Array, given: Array) -> Reals:
    """Absolute distances ``[batch, values]`` in double; infinite where either number is not finite."""
    reference = np.asarray(expected, np.float64).reshape(len(expected), -1)
    answer = np.asarray(given, np.float64).reshape(len(given), -1)
    finite = np.isfinite(reference) & np.isfinite(answer)
    return np.where(finite, np.abs(np.where(finite, answer - reference, 0.0)), np.inf)


def undecided(target: Target, expected: Answers, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """Where the expected answer is a tie within `tolerance`, so that either choice is right.

    The shape is that of the decisions: ``[batch]``, for Labels ``[batch, labels]``.
    """
    measure = target.judged_by
    probabilities = np.asarray(expected[measure], np.float64)
    limit = tolerance[measure][0]
    if target.kind == "classes":
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return np.asarray(first - second <= 2 * limit)
    return np.asarray(np.abs(probabilities - 0.5) <= limit)


def faults(target: Target, expected: Answers, given: Answers, tolerance: Tolerance) -> Iterator[Fault]:
    """Yields for each output the answer that is furthest from what was expected, if it is too far."""
    for name in expected:
        if name not in given or given[name].shape != expected[name].shape:
            found = list(given[name].shape) if name in given else "no such output"
            yield Fault(name, 0, f"expected shape {list(expected[name].shape)}, found {found}")
        elif name == DECISIONS.get(target.kind):
            yield from _wrong_decision(target, expected, given, tolerance)
        else:
            yield from _too_far(name, expected[name], given[name], tolerance[name])


def _wrong_decision(
    target: Target, expected: Answers, given: Answers, tolerance: Tolerance
) -> Iterator[Fault]:
    name = DECISIONS[target.kind]
    wrong = (expected[name] != given[name]) & ~undecided(target, expected, tolerance)
    if wrong.any():
        example = int(np.argwhere(wrong)[0][0])
        yield Fault(name, example, f"expected {expected[name][example]}, found {given[name][example]}")


def _too_far(name: str, expected: Array, given: Array, limits: tuple[float, ...]) -> Iterator[Fault]:
    error, limit = distance(expected, given), np.array(limits)
    excess = np.where(error > limit, error / np.maximum(limit, np.finfo(np.float64).tiny), 0.0)
    if not excess.any():
        return
    example, value = (int(index) for index in np.unravel_index(np.argmax(excess), excess.shape))
    wanted, found = (np.reshape(each[example], -1)[value] for each in (expected, given))
    allowed = float(np.broadcast_to(limit, error.shape)[example, value])
    yield Fault(
        name,
        example,
        f"value {value}: expected {wanted:.9g}, found {found:.9g}: "
        f"error {error[example, value]:.3g}, tolerance {allowed:.3g}",
    )
