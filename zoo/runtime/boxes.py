"""Objects in pictures: as plain rows, and two lists of them compared as sets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.targets import Boxes
from zoo.runtime.batches import Array

Reals = npt.NDArray[np.float64]
_NEAR_OVERLAP = 1e-3
"""Overlaps this near the threshold may be decided either way by rounding."""


def rows(answers: Mapping[str, Array]) -> list[dict[str, Any]]:
    """One object a picture, with the list ``objects``: ``label``, ``score`` and ``box``, best first."""
    return [
        {
            "objects": [
                {"label": label, "score": score, "box": box}
                for label, score, box in zip(
                    labels[:count].tolist(), scores[:count].tolist(), boxes[:count].tolist(), strict=True
                )
            ]
        }
        for boxes, labels, scores, count in zip(
            answers["boxes"],
            answers["labels"],
            answers["scores"],
            answers["num_objects"].tolist(),
            strict=True,
        )
    ]


def overlaps(first: Reals, second: Reals) -> Reals:
    """Intersection over union ``[first, second]`` of boxes left, top, right, bottom; 0 of empty ones."""
    low = np.maximum(first[:, np.newaxis, :2], second[np.newaxis, :, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[np.newaxis, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, np.newaxis] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


@dataclass(frozen=True)
class Found:
    """The objects of one picture: boxes ``[objects, 4]``, labels and scores ``[objects]``."""

    boxes: Reals
    labels: npt.NDArray[np.object_]
    scores: Reals

    @classmethod
    def of(cls, answers: Mapping[str, Array], example: int) -> "Found":
        """Those of one example of a batch."""
        count = int(answers["num_objects"][example])
        return cls(
            np.asarray(answers["boxes"][example][:count], np.float64),
            np.asarray(answers["labels"][example][:count], object),
            np.asarray(answers["scores"][example][:count], np.float64),
        )


def differences(
    target: Boxes,
    expected: Mapping[str, Array],
    given: Mapping[str, Array],
    box_limit: float,
    score_limit: float,
) -> Iterator[tuple[int, str]]:
    """Yields the first object of each picture that only one side has, and which rounding does not explain.

    Args:
        target: Its thresholds.
        expected: Answers of a batch.
        given: Answers of the same batch.
        box_limit: Pixels by which a side may be off.
        score_limit: By how much a score may be off.
    """
    for example in range(len(expected["boxes"])):
        wanted, found = Found.of(expected, example), Found.of(given, example)
        lonely = _lonely(wanted, found, box_limit, score_limit)
        for side, place in _unexplained(target, wanted, found, lonely, score_limit):
            whose = (wanted, found)[side]
            yield example, _described(whose, place, is_expected=side == 0)
            break


Lonely = tuple[list[int], list[int]]


def _lonely(wanted: Found, found: Found, box_limit: float, score_limit: float) -> Lonely:
    """Places on both sides that have no partner on the other."""
    free = list(range(len(found.labels)))
    alone = []
    for place in range(len(wanted.labels)):
        partner = next(
            (
                other
                for other in free
                if found.labels[other] == wanted.labels[place]
                and abs(found.scores[other] - wanted.scores[place]) <= score_limit
                and np.abs(found.boxes[other] - wanted.boxes[place]).max() <= box_limit
            ),
            None,
        )
        if partner is None:
            alone.append(place)
        else:
            free.remove(partner)
    return alone, free


def _unexplained(
    target: Boxes, wanted: Found, found: Found, lonely: Lonely, score_limit: float
) -> list[tuple[int, int]]:
    """Sides (0 expected, 1 found) and places of the objects that rounding does not explain.

    It does where an object's score is at the threshold or at the last place, or where its overlap with
    one of the other side is at the threshold; and where an object so explained was what suppressed it.
    """
    sides = (wanted, found)
    waiting = [(side, place) for side in (0, 1) for place in lonely[side]]
    explained = [each for each in waiting if _is_tie(target, sides, *each, score_limit)]
    while True:
        waiting = [each for each in waiting if each not in explained]
        follow = [
            each for each in waiting if any(_suppresses(target, sides, other, each) for other in explained)
        ]
        if not follow:
            return waiting
        explained += follow


def _is_tie(target: Boxes, sides: tuple[Found, Found], side: int, place: int, score_limit: float) -> bool:
    own, other = sides[side], sides[1 - side]
    score = own.scores[place]
    if abs(score - target.score_threshold) <= 2 * score_limit:
        return True
    if len(other.scores) == target.max_objects and score <= other.scores.min() + 2 * score_limit:
        return True
    same = other.labels == own.labels[place]
    overlap = overlaps(own.boxes[place : place + 1], other.boxes[same])[0]
    return bool((np.abs(overlap - target.iou_threshold) <= _NEAR_OVERLAP).any())


def _suppresses(
    target: Boxes, sides: tuple[Found, Found], one: tuple[int, int], other: tuple[int, int]
) -> bool:
    first, second = (sides[side] for side, _ in (one, other))
    if first.labels[one[1]] != second.labels[other[1]]:
        return False
    overlap = overlaps(first.boxes[one[1] : one[1] + 1], second.boxes[other[1] : other[1] + 1])
    return bool(overlap[0, 0] > target.iou_threshold - _NEAR_OVERLAP)


def _described(found: Found, place: int, *, is_expected: bool) -> str:
    box = ", ".join(f"{side:.2f}" for side in found.boxes[place])
    word = "expected and not found" if is_expected else "found and not expected"
    return f"{found.labels[place]} at ({box}) with score {found.scores[place]:.6f} is {word}"
