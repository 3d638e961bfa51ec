"""Parses delimited text: CSV and TSV, strictly, with the line of every row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from zoo.contracts.plain import plain
from zoo.errors import DataError, UsageError
from zoo.runtime.texts import AUTO, decode_file

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
TAB_SUFFIXES = (".tsv", ".tab")
SEPARATORS = (",", ";", "\t", "|")
Rows = Iterator[tuple[int, list[str]]]
_LONGEST_CELL = 2**31 - 1
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class TableOptions:
    """How a text table is written.

    Attributes:
        header: Whether the first line holds the names of the columns.
        names: Names of the columns, instead of the header's; ``column_1`` and so on without either.
        separator: One character, ``"tab"``, or ``"auto"``: tab in ``.tsv`` and ``.tab``, else the one that
            the first line has most of.
        quoting: Whether double quotes enclose cells; without it they are ordinary characters.
        encoding: Python's name of the text encoding; ``"auto"`` is UTF-8, or UTF-16 where the file begins
            with its byte order mark.
        missing: Cells that stand for a missing value; an empty cell always does.
    """

    header: bool = True
    names: tuple[str, ...] = ()
    separator: str = "auto"
    quoting: bool = True
    encoding: str = AUTO
    missing: tuple[str, ...] = MISSING

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        document: dict[str, Any] = plain(asdict(self))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The options among the keys of ``document``, which may hold others (a recipe's ``data``)."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in document.items()
            if key in known
        }
        return cls(**given)


def read_delimited(path: Path, options: TableOptions) -> tuple[list[str], Rows]:
    """The names of the columns, and the rows with the line that each begins on; blank lines are skipped.

    Raises:
        DataError: The file is empty, has another encoding, or a line does not parse; also while rows are
            drawn, when one has another number of fields than there are columns.
        UsageError: The options do not fit the file.
    """
    rows = _parse(path, _read_text(path, options.encoding), options)
    first_line, first = next(rows)
    names = _names(path, first, options)
    body = rows if options.header else _prepend((first_line, first), rows)
    return names, _require_width(path, len(names), body)


def _prepend(first: tuple[int, list[str]], rows: Rows) -> Rows:
    yield first
    yield from rows


def _require_width(path: Path, num_fields: int, rows: Rows) -> Rows:
    for line, row in rows:
        if len(row) != num_fields:
            raise DataError(
                f"{path} line {line}: expected {num_fields} fields, found {len(row)}",
                fix="correct the line; a cell that contains the separator needs double quotes",
            )
        yield line, row


def _parse(path: Path, text: str, options: TableOptions) -> Rows:
    # A cell may be as long as the file, which is in memory; the module's own limit is 131,072 characters.
    csv.field_size_limit(_LONGEST_CELL)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if options.quoting else csv.QUOTE_NONE
    separator = _separator(path, text, options)
    # newline=None makes \r\n and \r line ends too.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=separator, quoting=quoting, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path} line {line}: {error}",
            fix="correct the quotes of this line, or data.quoting=false if quotes are ordinary characters",
        ) from error


def _separator(path: Path, text: str, options: TableOptions) -> str:
    if options.separator == "tab" or (options.separator == "auto" and path.suffix.lower() in TAB_SUFFIXES):
        return "\t"
    if options.separator != "auto":
        if len(options.separator) != 1 or options.separator in '"\r\n':
            raise UsageError(
                f"data.separator={options.separator!r} is not one character",
                fix="for example data.separator=;",
            )
        return options.separator
    first = text.lstrip().splitlines()[0]
    bare = re.sub(r'"[^"]*"', "", first) if options.quoting else first
    return max(SEPARATORS, key=bare.count)


def _names(path: Path, first: Sequence[str], options: TableOptions) -> list[str]:
    names = (
        _given_names(path, first, options) if options.names or not options.header else _header(path, first)
    )
    duplicates = sorted(name for name, count in Counter(names).items() if count > 1)
    if duplicates:
        raise DataError(
            f"{path}: several columns have the same name: {', '.join(map(repr, duplicates[:5]))}",
            fix="rename them in the header, or give data.names=[…]",
        )
    return names


def _given_names(path: Path, first: Sequence[str], options: TableOptions) -> list[str]:
    if not options.names:
        return [f"column_{index}" for index in range(1, len(first) + 1)]
    if len(options.names) != len(first):
        raise UsageError(
            f"{path}: data.names has {len(options.names)} names for {len(first)} columns",
            fix="name every column",
        )
    return list(options.names)


def _header(path: Path, first: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in first]
    if all(_NUMBER.fullmatch(name) for name in names):
        raise DataError(
            f"{path}: the header is all numbers ({', '.join(names[:4])}): it looks like data",
            fix="data.header=false, or data.names=[…] to name the columns",
        )
    return [name or f"column_{index}" for index, name in enumerate(names, start=1)]


def _read_text(path: Path, encoding: str) -> str:
    text = decode_file(path, encoding)
    if not text.strip():
        raise DataError(f"{path}: is empty", fix="the file needs a header and at least one row of data")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"{path} line {line}: holds a NUL character", fix="is it a text file? see data.encoding"
        )
    return text
