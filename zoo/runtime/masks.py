"""Labels of pixels: as plain rows, and two masks compared where neither choice is a tie."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.targets import UNKNOWN_PIXEL, Mask
from zoo.runtime.batches import Array


def rows(target: Mask, answers: Mapping[str, Array]) -> list[dict[str, Any]]:
    """One object a picture, with ``shares``: the share of each label among the pixels that were seen."""
    return [{"shares": shares(target, np.asarray(mask))} for mask in answers["mask"]]


def shares(target: Mask, mask: npt.NDArray[Any]) -> dict[str, float]:
    """The share of each label among the pixels of a mask whose label is known."""
    counts = np.bincount(mask[mask != UNKNOWN_PIXEL].ravel(), minlength=len(target.labels))
    total = max(1, int(counts.sum()))
    return {label: int(count) / total for label, count in zip(target.labels, counts, strict=True)}


def is_tie(margin: Array, limit: float) -> npt.NDArray[np.bool_]:
    """Pixels whose label is so little ahead of the next one that rounding may decide either way."""
    return np.asarray(np.asarray(margin, np.float64) <= 2 * limit)


def differences(
    target: Mask, expected: Mapping[str, Array], given: Mapping[str, Array], limit: float
) -> Iterator[tuple[int, str]]:
    """Yields the first pixel of each mask that differs, and that is no tie.

    Args:
        target: The labels.
        expected: Answers of a batch.
        given: Answers of the same batch.
        limit: By how much a margin may be off.
    """
    for example, (wanted, found) in enumerate(zip(expected["mask"], given["mask"], strict=True)):
        are_labels = (wanted != UNKNOWN_PIXEL) & (found != UNKNOWN_PIXEL)
        wrong = (wanted != found) & ~(are_labels & is_tie(expected["margin"][example], limit))
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            names = [_name(target, int(each[row, column])) for each in (wanted, found)]
            message = (
                f"{int(wrong.sum()):,} of {wrong.size:,} pixels; in row {row}, column {column}: "
                f"expected {names[0]}, found {names[1]}"
            )
            yield example, message


def _name(target: Mask, place: int) -> str:
    return target.labels[place] if place < len(target.labels) else f"number {place}"
