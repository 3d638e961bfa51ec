"""Reads moments: when each row of a table is, on a scale where equal steps are equal numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError
from zoo.runtime.tables import Table, categories, require_column

_CLOCK = r"\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
_FORMS = {
    "a number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    "a month": re.compile(r"\d{4}-\d{2}"),
    "a date": re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}([T ]{_CLOCK})?"),
    "a date with a time zone": re.compile(
        rf"\d{{4}}-\d{{2}}-\d{{2}}[T ]{_CLOCK} ?(Z|UTC|[+-]\d{{2}}:?\d{{2}})"
    ),
}
_COMPACT_DATE = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_KNOWN_FORMS = "1984-12-31, 1984-12-31 18:00, 1984-12, or plain numbers"
_UNITS = {
    "month": ((12, "year"), (1, "month")),
    "microsecond": (
        (86_400_000_000, "day"),
        (3_600_000_000, "hour"),
        (60_000_000, "minute"),
        (1_000_000, "second"),
        (1, "microsecond"),
    ),
}


@dataclass(frozen=True)
class Moments:
    """When each row is.

    Attributes:
        cells: As written in the table, str ``[rows]``.
        values: int64 or float64 ``[rows]``; a later row has a larger one.
        unit: What 1 is: ``"month"``, ``"microsecond"``, or ``""`` for plain numbers.
    """

    cells: npt.NDArray[np.object_]
    values: npt.NDArray[Any]
    unit: str


def read_moments(table: Table, name: str) -> Moments:
    """The moments in a column: dates, dates with times, months, or plain numbers; all rows alike.

    Dates with a time zone are compared in universal time. Dates that all stand on one day of the month,
    or on its last one, count months; other dates count microseconds.

    Raises:
        DataError: The column or a cell is missing, or a cell does not parse; names file, line and column.
    """
    require_column(table, name)
    cells = categories(table, name)
    texts: list[str] = cells.tolist()
    # Eight digits could be numbers too, but are dates if every one of them makes one.
    if all(_COMPACT_DATE.fullmatch(text) for text in texts):
        return _dates(cells, [_parse_date(table, name, row, text) for row, text in enumerate(texts)])
    form = next((form for form, pattern in _FORMS.items() if pattern.fullmatch(texts[0])), "")
    for row, text in enumerate(texts):
        if not form or not _FORMS[form].fullmatch(text):
            raise _unparsed(table, name, row, text, form)
    if form == "a number":
        return Moments(cells, _exact(np.array([float(text) for text in texts])), "")
    return _dates(cells, [_parse_date(table, name, row, text) for row, text in enumerate(texts)])


def amount(difference: Any, unit: str) -> str:
    """A difference of two moments in words: ``"1 day"``, ``"3 months"``, or the number."""
    for size, name in _UNITS.get(unit, ()):
        if difference % size == 0:
            count = difference // size
            return f"{count} {name}" + ("" if count == 1 else "s")
    return f"{difference:g}"


def _unparsed(table: Table, name: str, row: int, text: str, form: str) -> DataError:
    where = f"{table.where(row)}, column {name!r}"
    if not text:
        return DataError(f"{where}: is empty, so the row has no place in time", fix="say when each row is")
    found = next((other for other, pattern in _FORMS.items() if pattern.fullmatch(text)), "")
    if found:
        return DataError(
            f"{where}: {text!r} is {found}, but the rows before hold {form}", fix="write all moments alike"
        )
    return DataError(f"{where}: {text!r} is no date, month or number", fix=f"moments are {_KNOWN_FORMS}")


def _parse_date(table: Table, name: str, row: int, text: str) -> datetime:
    whole = f"{text}-01" if _FORMS["a month"].fullmatch(text) else text.replace(" UTC", "Z")
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError as error:
        raise DataError(
            f"{table.where(row)}, column {name!r}: {text!r} is no date: {error}",
            fix=f"moments are {_KNOWN_FORMS}",
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _exact(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Whole numbers as int64, whose differences are exact."""
    is_whole = bool((values == np.rint(values)).all()) and np.abs(values).max() < 2**53
    return values.astype(np.int64) if is_whole else values


def _dates(cells: npt.NDArray[np.object_], moments: Sequence[datetime]) -> Moments:
    instants = np.array(moments, "datetime64[us]")
    months, days = instants.astype("datetime64[M]"), instants.astype("datetime64[D]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64)
    next_months = months + np.timedelta64(1, "M")
    last = (next_months.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) - 1
    is_one_day = bool((day == np.minimum(day.max(), last)).all())
    if is_one_day and len(np.unique(instants - days)) == 1:
        return Moments(cells, months.astype(np.int64), "month")
    return Moments(cells, instants.astype(np.int64), "microsecond")
