"""Reads tables: the one code that turns CSV, TSV and Parquet into raw inputs, in training and afterwards.

A text table is read as text, cell by cell as it stands in the file; what a column means is decided later,
so that a file read on its own cannot be understood differently from the training data. Spaces around a
cell do not count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, did_you_mean
from zoo.runtime.delimited import TAB_SUFFIXES, TableOptions, read_delimited

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "TABLE_SUFFIXES",
    "Table",
    "TableOptions",
    "categories",
    "columns",
    "not_numbers",
    "numbers",
    "read_table",
    "require_column",
    "texts",
]

TEXT_SUFFIXES = (".csv", *TAB_SUFFIXES)
TABLE_SUFFIXES = (*TEXT_SUFFIXES, ".parquet")
_CELLS_A_CHUNK = 1_000_000


@dataclass(frozen=True)
class Table:
    """A table as read: text tables have text columns, with nulls for missing values.

    Attributes:
        path: The file.
        frame: The columns.
        lines: The line of the file that each row begins on; in Parquet the row, from 1.
        written: The columns as they stand in the file, where no word stands for a missing value.
    """

    path: Path
    frame: "pl.DataFrame"
    lines: npt.NDArray[np.int64]
    written: "pl.DataFrame | None" = None

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, row: int) -> str:
        """The place of a row for a message: ``"wine.csv line 12"``."""
        word = "line" if self.path.suffix.lower() in TEXT_SUFFIXES else "row"
        return f"{self.path.name} {word} {self.lines[row]}"

    def filter(self, chosen: npt.NDArray[np.bool_]) -> "Table":
        """The rows where ``chosen`` [rows] is true."""
        written = None if self.written is None else self.written.filter(chosen)
        return Table(self.path, self.frame.filter(chosen), self.lines[chosen], written)


def read_table(path: Path, options: TableOptions | None = None) -> Table:
    """Reads a ``.csv``, ``.tsv`` or ``.parquet`` file.

    Raises:
        DataError: The file is missing, empty, damaged or ragged; the message names the line.
        UsageError: The options do not fit the file.
    """
    options = options or TableOptions()
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix=_nearest_file(path))
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(f"{path}: not a table", fix=f"tables end in {', '.join(TABLE_SUFFIXES)}")
    text = path.suffix.lower() in TEXT_SUFFIXES
    table = _read_text(path, options) if text else _read_parquet(path)
    if len(table) == 0:
        raise DataError(f"{path}: has a header but no rows", fix="the file needs at least one row of data")
    return _with_nulls(table, options.missing)


def columns(table: Table, specs: Sequence[TensorSpec]) -> dict[str, npt.NDArray[Any]]:
    """Casts columns to raw inputs: numbers float64 ``[rows]`` with NaN, the others str ``[rows]`` with ``""``.

    Raises:
        DataError: A column is missing, or a cell is not a finite number; names file, line and column.
    """
    casts: dict[str, Callable[[Table, str], npt.NDArray[Any]]] = {"category": categories, "text": texts}
    for spec in specs:
        require_column(table, spec.name)
    return {spec.name: casts.get(spec.kind, numbers)(table, spec.name) for spec in specs}


def require_column(table: Table, name: str) -> None:
    """Refuses a table that lacks a column.

    Raises:
        DataError: It does; the nearest name is suggested.
    """
    if name not in table.frame.columns:
        raise DataError(f"{table.path}: no column {name!r}", fix=did_you_mean(name, table.frame.columns))


def numbers(table: Table, name: str) -> npt.NDArray[np.float64]:
    """A column as float64 ``[rows]``, NaN where the value is missing.

    Raises:
        DataError: A cell is not a finite number.
    """
    column = table.frame[name]
    bad = np.flatnonzero(not_numbers(table, name))
    if len(bad):
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataError(
            f"{table.where(int(bad[0]))}, column {name!r}: {_shown(column[int(bad[0])])} is not a finite number{others}",
            fix=f'correct the cell, or name it as missing with data.missing=["","NA",{_shown(column[int(bad[0])])}]',
        )
    return _as_floats(column).fill_null(float("nan")).to_numpy()


def not_numbers(table: Table, name: str) -> npt.NDArray[np.bool_]:
    """Which cells [rows] of a column are there but are not finite numbers."""
    column = table.frame[name]
    values = _as_floats(column)
    # Parquet writers use NaN for a missing number; in text it is a word among the missing ones.
    is_number = (values.is_finite() | (values.is_nan() & column.dtype.is_float())).fill_null(value=False)
    return (column.is_not_null() & ~is_number).to_numpy()


def categories(table: Table, name: str) -> npt.NDArray[np.object_]:
    """A column as an object array of str ``[rows]``, ``""`` where the value is missing.

    Whole numbers have no decimal point and booleans are ``true`` and ``false``; text stays as in the file.

    Raises:
        DataError: The column holds lists, structures or bytes.
    """
    import polars as pl

    column = table.frame[name]
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{table.path}: column {name!r} holds {column.dtype}, neither text nor numbers",
            fix=f"data.drop=[{name}]",
        )
    text = _whole_numbers_as_text(column) if column.dtype.is_float() else column.cast(pl.String)
    return np.array(text.fill_null("").to_list(), dtype=object)


def texts(table: Table, name: str) -> npt.NDArray[np.object_]:
    """A column as an object array of str ``[rows]``, in which words such as ``NA`` are words.

    Spaces around a text do not count; ``""`` where there is none.

    Raises:
        DataError: The column holds lists, structures or bytes.
    """
    import polars as pl

    frame = table.frame if table.written is None else table.written
    if frame[name].dtype != pl.String:
        return categories(table, name)
    return np.array(frame[name].str.strip_chars().fill_null("").to_list(), dtype=object)


def _as_floats(column: "pl.Series") -> "pl.Series":
    import polars as pl

    if column.dtype == pl.String or column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64, strict=False)
    return pl.Series(column.name, [None] * len(column), dtype=pl.Float64)


def _whole_numbers_as_text(column: "pl.Series") -> "pl.Series":
    import polars as pl

    def text(value: float) -> str:
        return str(int(value)) if value == int(value) else str(value)

    values = column.cast(pl.Float64).to_list()
    return pl.Series(
        column.name,
        [None if value is None or not np.isfinite(value) else text(value) for value in values],
        dtype=pl.String,
    )


def _with_nulls(table: Table, missing: Sequence[str]) -> Table:
    import polars as pl

    text = pl.col(pl.String).str.strip_chars()
    cleaned = pl.when(text.is_in(["", *missing])).then(None).otherwise(text).name.keep()
    return Table(table.path, table.frame.with_columns(cleaned), table.lines, table.frame)


def _read_parquet(path: Path) -> Table:
    import polars as pl

    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes)", fix="write the file again")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(f"{path}: is not readable as Parquet: {error}", fix="write the file again") from error
    return Table(path, frame, np.arange(1, len(frame) + 1))


def _read_text(path: Path, options: TableOptions) -> Table:
    """Chunk by chunk, since lists of Python strings take many times the room of the file."""
    import polars as pl

    names, rows = read_delimited(path, options)
    schema = dict.fromkeys(names, pl.String)
    frames, lines = [pl.DataFrame(schema=schema)], list[int]()
    while chunk := list(islice(rows, max(1, _CELLS_A_CHUNK // len(names)))):
        lines.extend(line for line, _ in chunk)
        cells = zip(*(row for _, row in chunk), strict=True)
        frames.append(pl.DataFrame(dict(zip(names, map(list, cells), strict=True)), schema=schema))
    return Table(path, pl.concat(frames), np.array(lines, dtype=np.int64))


def _nearest_file(path: Path) -> str:
    names = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, names) if names else f"there is no folder {path.parent}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
