"""Answers of a model: as plain rows, and compared with those that were expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.targets import (
    Binary,
    Boxes,
    Classes,
    Forecast,
    Labels,
    Mask,
    Several,
    Target,
    Tokens,
    Values,
    part_name,
)
from zoo.runtime import boxes, masks
from zoo.runtime.batches import Array, is_ragged

Answers = Mapping[str, Array]
Tolerance = Mapping[str, tuple[float, ...]]
Reals = npt.NDArray[np.float64]
Row = dict[str, Any]

_NUM_NEXT = 10


def rows(target: Target, answers: Answers) -> list[Row]:
    """One plain, JSON-able object an example.

    Classes give ``label`` and ``probabilities`` by label, Binary ``label`` and ``probability``, Labels the
    chosen ``labels`` and ``probabilities`` by label, Values the list ``values``, a forecast ``forecast`` by
    column, Boxes the list ``objects``, a Mask the ``shares`` of the labels, Tokens the likeliest ``next`` tokens, and several targets an object
    a part. A sample is a picture and has no row.
    """
    match target:
        case Classes(labels=names):
            return _paired(answers["label"].tolist(), answers["probabilities"], names, "label")
        case Binary():
            pairs = zip(answers["label"].tolist(), answers["probability"].tolist(), strict=True)
            return [{"label": label, "probability": probability} for label, probability in pairs]
        case Labels(labels=names):
            chosen = [
                [name for name, is_chosen in zip(names, row, strict=True) if is_chosen]
                for row in answers["labels"].tolist()
            ]
            return _paired(chosen, answers["probabilities"], names, "labels")
        case Values():
            return [{"values": values} for values in answers["values"].tolist()]
        case Forecast(names=names):
            columns = np.moveaxis(answers["values"], 2, 1).tolist()
            return [{"forecast": dict(zip(names, each, strict=True))} for each in columns]
        case Tokens(vocabulary=vocabulary):
            return [{"next": _likeliest(row, vocabulary)} for row in answers["probabilities"]]
        case Boxes():
            return boxes.rows(answers)
        case Mask():
            return masks.rows(target, answers)
        case Several():
            parts = {name: rows(part, own) for name, part, own in split(target, answers)}
            return [dict(zip(parts, row, strict=True)) for row in zip(*parts.values(), strict=True)]
    raise TypeError(f"{type(target).__name__} has no rows")


def _paired(decisions: list[Any], probabilities: Array, names: tuple[str, ...], key: str) -> list[Row]:
    return [
        {key: decision, "probabilities": dict(zip(names, row, strict=True))}
        for decision, row in zip(decisions, probabilities.tolist(), strict=True)
    ]


def _likeliest(probabilities: Array, vocabulary: tuple[str, ...]) -> dict[str, float]:
    order = np.argsort(-np.asarray(probabilities, np.float64), kind="stable")[:_NUM_NEXT]
    return {vocabulary[place]: float(probabilities[place]) for place in order}


def split(target: Several, answers: Answers) -> Iterator[tuple[str, Target, dict[str, Array]]]:
    """The name, the target and the answers of each of several targets, under their own names.

    Scores, ``scores_NAME``, are called ``scores``.
    """
    for part, spec in zip(target.parts, target.outputs, strict=True):
        prefix = f"{part_name(part)}_"
        own = {name.removeprefix(prefix): each for name, each in answers.items() if name.startswith(prefix)}
        scores = {part.outputs[0].name: answers[spec.name]} if spec.name in answers else {}
        yield part_name(part), part, {**own, **scores}


def joined_name(target: Several, part: Target, name: str) -> str:
    """What an answer or the scores of a part are called among all."""
    outputs = dict(zip(target.names, target.outputs, strict=True))
    return outputs[part_name(part)].name if name == part.outputs[0].name else f"{part_name(part)}_{name}"


def measured(target: Target, output: str) -> bool:
    """Whether an output is a real number, compared within a tolerance, and not a choice."""
    if isinstance(target, Several):
        return all(
            output != joined_name(target, part, part.decided_by) for part in target.parts if part.decided_by
        )
    return output not in (target.decided_by, "num_objects")


@dataclass(frozen=True)
class Fault:
    """An answer that is not the expected one."""

    output: str
    example: int
    message: str


def distance(expected: Array, given: Array) -> Reals:
    """Absolute distances ``[batch, values]`` in double; infinite where a number is not finite.

    Where both are not a number there is no answer to compare, and the distance is 0.
    """
    reference, answer = _flat(expected), _flat(given)
    finite = np.isfinite(reference) & np.isfinite(answer)
    apart = np.where(finite, np.abs(np.where(finite, answer - reference, 0.0)), np.inf)
    return np.where(np.isnan(reference) & np.isnan(answer), 0.0, apart)


def _flat(answer: Array) -> Reals:
    """Float64 ``[batch, values]``, with zeros behind those of a smaller picture."""
    if not is_ragged(answer):
        return np.asarray(answer, np.float64).reshape(len(answer), -1)
    flat = np.zeros((len(answer), max(each.size for each in answer)))
    for row, each in zip(flat, answer, strict=True):
        row[: each.size] = each.ravel()
    return flat


def undecided(target: Target, expected: Answers, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """Where the expected answer is a tie within `tolerance`, so that either choice is right.

    The shape is that of the decisions: ``[batch]``, for Labels ``[batch, labels]``.
    """
    measure = target.judged_by
    probabilities = np.asarray(expected[measure], np.float64)
    limit = tolerance[measure][0]
    if isinstance(target, Classes):
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return np.asarray(first - second <= 2 * limit)
    cuts = np.array(target.cuts) if isinstance(target, Labels) else 0.5
    return np.asarray(np.abs(probabilities - cuts) <= limit)


def faults(target: Target, expected: Answers, given: Answers, tolerance: Tolerance) -> Iterator[Fault]:
    """Yields for each output the answer that is furthest from what was expected, if it is too far."""
    missing = _missing(expected, given)
    if missing:
        yield from missing
    elif isinstance(target, Several):
        yield from _faults_of_parts(target, expected, given, tolerance)
    elif isinstance(target, Boxes):
        yield from _faults_of_boxes(target, expected, given, tolerance)
    elif isinstance(target, Mask):
        yield from _faults_of_masks(target, expected, given, tolerance)
    else:
        for name in expected:
            if name == target.decided_by:
                yield from _wrong_decision(target, expected, given, tolerance)
            else:
                yield from _too_far(name, expected[name], given[name], tolerance[name])


def _missing(expected: Answers, given: Answers) -> list[Fault]:
    """Outputs that are not there, or have another shape."""
    found = {name: _shape(given[name]) if name in given else "no such output" for name in expected}
    return [
        Fault(name, 0, f"expected shape {_shape(expected[name])}, found {found[name]}")
        for name in expected
        if found[name] != _shape(expected[name])
    ]


def _shape(answer: Array) -> list[Any]:
    return [list(each.shape) for each in answer] if is_ragged(answer) else list(answer.shape)


def _faults_of_parts(
    target: Several, expected: Answers, given: Answers, tolerance: Tolerance
) -> Iterator[Fault]:
    for (_, part, wanted), (_, _, found) in zip(split(target, expected), split(target, given), strict=True):
        names = {name: joined_name(target, part, name) for name in wanted}
        limits = {name: tolerance[joined] for name, joined in names.items() if joined in tolerance}
        for fault in faults(part, wanted, found, limits):
            yield replace(fault, output=names[fault.output])


def _faults_of_boxes(
    target: Boxes, expected: Answers, given: Answers, tolerance: Tolerance
) -> Iterator[Fault]:
    """Dense outputs number by number, what is left after suppression as sets."""
    for name in expected:
        if name not in target.answers:
            yield from _too_far(name, expected[name], given[name], tolerance[name])
    (box_limit,), (score_limit,) = tolerance["boxes"], tolerance["scores"]
    for example, message in boxes.differences(target, expected, given, box_limit, score_limit):
        yield Fault("boxes", example, message)


def _faults_of_masks(
    target: Mask, expected: Answers, given: Answers, tolerance: Tolerance
) -> Iterator[Fault]:
    """Numbers as of any target, labels pixel by pixel."""
    for name in expected:
        if name != target.decided_by:
            yield from _too_far(name, expected[name], given[name], tolerance[name])
    (limit,) = tolerance[target.judged_by]
    for example, message in masks.differences(target, expected, given, limit):
        yield Fault(target.decided_by, example, message)


def _wrong_decision(
    target: Target, expected: Answers, given: Answers, tolerance: Tolerance
) -> Iterator[Fault]:
    name = target.decided_by
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
