"""Reads series from tables: the one code that puts rows in order of time, in training and afterwards.

A series has equal steps: calendar months or years, days, hours, or equal numbers. Whatever breaks them is
refused by file and line; rows that are missing can be filled in without values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Forecast
from zoo.errors import DataError
from zoo.runtime.moments import Moments, amount, read_moments
from zoo.runtime.tables import Table, TableOptions, categories, numbers, read_table, require_column

Gaps = Literal["refuse", "fill"]
Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_JITTER = 1e-3
"""Share of a step by which moments that are no whole numbers may be off."""
_MOST_FILLED = 10
"""Filled in, a table has at most so many times its rows: beyond, a moment is more likely wrong."""


@dataclass(frozen=True)
class SeriesOptions:
    """How the rows of a table make series.

    Attributes:
        time: The column that orders the rows; without it, the file does.
        group: The column that names the series of each row; without it, all rows are one series.
        window: Past steps that a forecast starts from.
        gaps: What to do where rows are missing.
    """

    time: str | None = None
    group: str | None = None
    window: int = 1
    gaps: Gaps = "refuse"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The options among the keys of ``document``, which may hold others."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in document.items() if key in known})


@dataclass(frozen=True)
class Course:
    """The rows of one series, in order.

    Attributes:
        name: What the group column calls it; empty where all rows are one series.
        rows: Rows of the table, int64 ``[rows]``, earliest first.
        places: The step of each row, int64 ``[rows]``, ascending from 0; steps without a row are missing.
    """

    name: str
    rows: Rows
    places: Rows

    def __len__(self) -> int:
        """Steps, missing ones too."""
        return int(self.places[-1]) + 1

    def lay_out(self, column: Numbers) -> Numbers:
        """The values of a table's column ``[rows of the table]`` step by step, NaN where a row is missing."""
        values = np.full(len(self), np.nan)
        values[self.places] = column[self.rows]
        return values


def read_series(
    path: Path, signature: Signature, reading: Mapping[str, Any]
) -> tuple[dict[str, list[Numbers]], list[str]]:
    """A table as raw series: the steps from which to forecast, or one example a group.

    Args:
        path: The table. Of a forecast, steps before the last ``window`` ones are not used; fewer make a
            shorter series.
        signature: The model's raw inputs and target.
        reading: Options of the table and of the series that the model was trained with.

    Returns:
        By column one float64 ``[length]`` an example, NaN where a value is missing, and the ids:
        ``"sales.csv:120"`` with the last line, or ``"walks.csv:17"`` with the group.

    Raises:
        DataError: The table is not readable, lacks a column, or its rows are no series of equal steps.
    """
    table, options = read_table(path, TableOptions.from_json(reading)), SeriesOptions.from_json(reading)
    courses = arrange(table, options)
    for spec in signature.inputs:
        require_column(table, spec.name)
    given = {spec.name: numbers(table, spec.name) for spec in signature.inputs}
    laid_out = {name: [course.lay_out(column) for course in courses] for name, column in given.items()}
    if options.group:
        return laid_out, [f"{path}:{course.name}" for course in courses]
    ids = [f"{path}:{table.lines[course.rows[-1]]}" for course in courses]
    if not isinstance(signature.target, Forecast):
        return laid_out, ids
    windows = {name: [steps[-options.window :] for steps in column] for name, column in laid_out.items()}
    for name in signature.target.names:
        _require_a_value(table, name, windows[name])
    return windows, ids


def arrange(table: Table, options: SeriesOptions) -> list[Course]:
    """The series of a table, in the order in which their names first occur.

    Within a group, rows are put in order of time; where all rows are one series, they have to be.

    Raises:
        DataError: A column is missing; a moment does not parse, is there twice or out of order, or rows
            are missing between two; names file, line and column.
    """
    groups = _groups(table, options.group)
    if options.time is None:
        return [Course(name, rows, np.arange(len(rows))) for name, rows in groups.items()]
    moments = read_moments(table, options.time)
    if options.group:
        groups = {
            name: rows[np.argsort(moments.values[rows], kind="stable")] for name, rows in groups.items()
        }
    steps = _Steps.between(table, options.time, moments, list(groups.values()))
    steps.require_ascending()
    multiples = steps.count(options.gaps)
    ends = np.cumsum([len(rows) - 1 for rows in groups.values()])[:-1]
    return [
        Course(name, rows, np.concatenate([[0], np.cumsum(taken)]).astype(np.int64))
        for (name, rows), taken in zip(groups.items(), np.split(multiples, ends), strict=True)
    ]


def _require_a_value(table: Table, name: str, windows: Sequence[Numbers]) -> None:
    for window in windows:
        if np.isnan(window).all():
            raise DataError(
                f"{table.path}: column {name!r} has no value in the last {len(window)} steps, "
                "from which it is to be forecast",
                fix="give the values up to the moment from which to forecast",
            )


def _groups(table: Table, group: str | None) -> dict[str, Rows]:
    if group is None:
        return {"": np.arange(len(table))}
    require_column(table, group)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(categories(table, group).tolist()):
        if not name:
            raise DataError(
                f"{table.where(row)}, column {group!r}: is empty, so the row belongs to no series",
                fix="name the series of every row",
            )
        rows.setdefault(name, []).append(row)
    return {name: np.array(members, np.int64) for name, members in rows.items()}


@dataclass(frozen=True)
class _Steps:
    """From each row of a series to its next, for all series of a table one behind the other.

    Attributes:
        table: The rows.
        name: The column of their moments.
        moments: When they are.
        before: The row that each step starts from, int64 ``[steps]``.
        after: The row that it leads to.
    """

    table: Table
    name: str
    moments: Moments
    before: Rows
    after: Rows

    @classmethod
    def between(cls, table: Table, name: str, moments: Moments, groups: Sequence[Rows]) -> Self:
        before = np.concatenate([rows[:-1] for rows in groups])
        return cls(table, name, moments, before, np.concatenate([rows[1:] for rows in groups]))

    @property
    def differences(self) -> npt.NDArray[Any]:
        differences: npt.NDArray[Any] = self.moments.values[self.after] - self.moments.values[self.before]
        return differences

    def where(self, step: int) -> str:
        return f"{self.table.where(self.after[step])}, column {self.name!r}"

    def ends(self, step: int) -> tuple[str, str]:
        """Both moments, as written."""
        return self.moments.cells[self.before[step]], self.moments.cells[self.after[step]]

    def require_ascending(self) -> None:
        for step in np.flatnonzero(self.differences <= 0)[:1]:
            before, after = self.ends(step)
            if self.differences[step] == 0:
                raise DataError(
                    f"{self.where(step)}: {after} is there twice, first in {self.table.where(self.before[step])}",
                    fix="keep one row for each moment of a series",
                )
            raise DataError(
                f"{self.where(step)}: {after} comes after {before}: the rows are out of order",
                fix=f"sort the rows by {self.name!r}",
            )

    def count(self, gaps: Gaps) -> Rows:
        """How many equal steps of the series each one is, int64 ``[steps]``."""
        differences = self.differences
        if not len(differences):
            return np.zeros(0, np.int64)
        usual = _usual(differences)
        multiples: Rows = np.rint(differences / usual).astype(np.int64)
        tolerance = 0.0 if np.issubdtype(differences.dtype, np.integer) else _JITTER * usual
        is_odd = (np.abs(differences - multiples * usual) > tolerance) | (multiples == 0)
        for step in np.flatnonzero(is_odd)[:1]:
            raise self._irregular(step, amount(usual, self.moments.unit))
        self._check_gaps(multiples, gaps, amount(usual, self.moments.unit))
        return multiples

    def _irregular(self, step: int, usual: str) -> DataError:
        before, after = self.ends(step)
        difference = amount(self.differences[step], self.moments.unit)
        return DataError(
            f"{self.where(step)}: {after} is {difference} after {before}, where the step is {usual}; "
            "a series has equal steps",
            fix="correct the moment, or bring the rows to equal steps",
        )

    def _check_gaps(self, multiples: Rows, gaps: Gaps, usual: str) -> None:
        num_missing = int((multiples - 1).sum())
        is_too_much = num_missing > (_MOST_FILLED - 1) * len(self.table)
        if not num_missing or (gaps == "fill" and not is_too_much):
            return
        step = int(np.argmax(multiples)) if is_too_much else int(np.flatnonzero(multiples > 1)[0])
        before, after = self.ends(step)
        is_missing = "1 row is" if multiples[step] == 2 else f"{multiples[step] - 1} rows are"
        in_all = f" ({num_missing} in all)" if num_missing > multiples[step] - 1 else ""
        raise DataError(
            f"{self.where(step)}: {is_missing} missing between {before} and {after}, "
            f"where the step is {usual}{in_all}",
            fix="correct the moment: so much is missing that it cannot be filled in"
            if is_too_much
            else "data.gaps=fill inserts the missing rows without values; or add them to the file",
        )


def _usual(differences: npt.NDArray[Any]) -> Any:
    """The step that is taken most often; of several, the smallest."""
    if np.issubdtype(differences.dtype, np.integer):
        values, counts = np.unique(differences, return_counts=True)
        return values[np.argmax(counts)]
    relative = np.round(differences / differences.min(), 2)
    values, counts = np.unique(relative, return_counts=True)
    return np.median(differences[relative == values[np.argmax(counts)]])
