"""Rows of differing lengths, kept without their padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """Rows one behind the other.

    Attributes:
        values: ``[all steps, ...]``.
        offsets: int64 ``[rows + 1]``: where each row begins, and where the last one ends.
        padding: What stands behind the end of a row where rows are put side by side.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]
    padding: float = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Steps of each row, int64 ``[rows]``."""
        return np.diff(self.offsets)

    @classmethod
    def of_padded(cls, parts: Sequence[NDArray[Any]], lengths: Sequence[NDArray[np.int64]]) -> Self:
        """Rows from arrays ``[rows, steps, ...]`` and how many steps of each row count."""
        kept = [
            part[np.arange(part.shape[1]) < length[:, np.newaxis]]
            for part, length in zip(parts, lengths, strict=True)
        ]
        return cls(np.concatenate(kept), _offsets(np.concatenate(lengths)))

    @classmethod
    def of_rows(cls, rows: Sequence[NDArray[Any]], *, padding: float = 0) -> Self:
        """Rows from one array each; there is at least one."""
        lengths = np.array([len(row) for row in rows], np.int64)
        return cls(np.concatenate(rows), _offsets(lengths), padding)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The rows side by side, padded to the longest and to at least one step: ``[rows, steps, ...]``."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        steps = np.arange(max(1, int(lengths.max(initial=1))))
        is_real = steps < lengths[:, np.newaxis]
        places = np.where(is_real, starts[:, np.newaxis] + steps, 0)
        if not len(self.values):
            shape = (*places.shape, *self.values.shape[1:])
            return np.full(shape, self.padding, self.values.dtype)
        padded = self.values[places]
        padded[~is_real] = self.padding
        return padded

    def all(self) -> NDArray[Any]:
        """Every row, as ``take`` gives them."""
        return self.take(np.arange(len(self)))


Column = NDArray[Any] | Ragged
"""Encoded examples of one tensor: dense, or rows of differing lengths."""


def take(column: Column, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Some examples of a column as one array, rows of differing lengths padded."""
    return column.take(rows) if isinstance(column, Ragged) else column[rows]


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
