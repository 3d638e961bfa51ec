"""Reads tables: a CSV, TSV or Parquet file, or a folder with ``train.csv`` beside ``test.csv``."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Several
from zoo.data.examples import concatenate
from zoo.data.readers.columns import ColumnType, infer_inputs, require_text
from zoo.data.readers.series import read_series, read_series_like
from zoo.data.readers.texts import without_duplicates
from zoo.data.splits import ROLES
from zoo.data.targets import (
    TargetColumn,
    TargetType,
    allows_gaps,
    column_names,
    encode,
    infer,
    require_distinct,
)
from zoo.errors import DataError, UsageError, did_you_mean
from zoo.runtime.delimited import MISSING
from zoo.runtime.tables import (
    TABLE_SUFFIXES,
    Table,
    TableOptions,
    categories,
    columns,
    not_numbers,
    numbers,
    read_table,
    require_column,
)
from zoo.runtime.texts import AUTO, read_text

_WINDOW = 24
TARGET_NAMES = ("target", "label", "class", "y")


def refuses(path: Path) -> str:
    """Why this is no table; empty if it is one."""
    if path.is_file():
        return "" if path.suffix.lower() in TABLE_SUFFIXES else f"does not end in {', '.join(TABLE_SUFFIXES)}"
    if "train" in _find_files(path):
        return ""
    found = sorted(file.name for file in path.iterdir() if file.suffix.lower() in TABLE_SUFFIXES)
    if not found:
        return "holds no table"
    return f"holds {', '.join(found[:5])} but no train.csv: give one of these files"


def read(
    path: Path,
    *,
    target: str | tuple[str, ...] | None = None,
    target_type: TargetType = "auto",
    drop: tuple[str, ...] = (),
    types: dict[str, ColumnType] | None = None,
    drop_missing_target: bool = False,
    header: bool = True,
    names: tuple[str, ...] = (),
    separator: str = "auto",
    quoting: bool = True,
    encoding: str = AUTO,
    missing: tuple[str, ...] = MISSING,
    labels: str | None = None,
    duplicates: Literal["drop", "keep"] = "drop",
    time: str | None = None,
    group: str | None = None,
    window: Annotated[int, Ge(1)] = _WINDOW,
    horizon: Annotated[int, Ge(1)] = 1,
    gaps: Literal["refuse", "fill"] = "refuse",
) -> Splits:
    """The rows of a table; every column that is not the target is an input.

    Args:
        path: The file or folder.
        target: The column to predict, or several; by default one called target, label, class or y.
        target_type: What the target is; auto decides by what is in it.
        drop: Columns to leave out.
        types: By column, number, category or text, where the type that is inferred is not the right one.
        drop_missing_target: Leave out rows without a target.
        header: Whether the first line names the columns.
        names: Names of the columns, instead of the header's.
        separator: One character, tab, or auto.
        quoting: Whether double quotes enclose cells.
        encoding: The text encoding; auto is UTF-8, or UTF-16 where the file says so.
        missing: Cells that stand for a missing value; in a column of texts they are words.
        labels: A file beside the table with one label a line, where the target column lists labels by name or number.
        duplicates: What happens to rows with a text that occurred before, if the data declares no splits: drop keeps one, with the most frequent target.
        time: The column that orders the rows of a series.
        group: The column that tells several series apart.
        window: Steps of a series that a network sees.
        horizon: Steps of a series to predict.
        gaps: What happens to missing rows of a series: fill puts rows without values there.

    Raises:
        ZooError: The table cannot be read or learned from, or a column that an option names is missing.
    """
    how = TableOptions(header, tuple(names), separator, quoting, encoding, tuple(missing))
    tables = {split: read_table(file, how) for split, file in _find_files(path).items()}
    if time is not None or group is not None:
        series: Any = {"time": time, "group": group, "window": window, "horizon": horizon, "gaps": gaps}
        return read_series(tables, target=target, target_type=target_type, drop=drop, **series)
    _require_no_series(window, horizon, gaps)
    targets = _target_names(tables["train"], target)
    _require_columns(tables["train"], drop=drop, types=types or {})
    tables = {split: _with_a_target(table, targets, drop_missing_target) for split, table in tables.items()}
    listed = _read_labels(path, labels, encoding, target_type) if labels else ()
    signature = _signature(tables["train"], targets, target_type, drop, types or {}, listed)
    return _splits(signature, tables, drop_missing_target, may_repeat=duplicates == "keep")


def _splits(
    signature: Signature, tables: Mapping[str, Table], drop_missing: bool, *, may_repeat: bool
) -> Splits:
    """The splits that the data declares; of texts that are yet to be split, each counts once."""
    parts = {split: _examples(table, signature, drop_missing) for split, table in tables.items()}
    train = parts["train"]
    if len(parts) == 1 and not may_repeat and signature.inputs[0].kind == "text":
        train = without_duplicates(train)
    return Splits(signature, train, parts.get("validation"), parts.get("test"))


def _signature(
    table: Table,
    targets: Sequence[str],
    target_type: TargetType,
    drop: Sequence[str],
    types: Mapping[str, ColumnType],
    listed: Sequence[str],
) -> Signature:
    """What the columns of the training table are."""
    if target_type == "auto":
        for name in targets:
            require_text(table, name, otherwise="data.target_type=classes")
    inputs = infer_inputs(table, exclude={*targets, *drop}, types=types)
    truth = _truth_columns(table, targets, must_be_numbers=target_type == "values")
    return Signature(inputs, infer(truth, target_type, tuple(listed)))


def _require_columns(table: Table, **options: Collection[str]) -> None:
    for option, names in options.items():
        _require_known(table, option, tuple(names))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every row as examples of ``signature``.

    Raises:
        DataError: A column is missing, or holds what the signature does not know.
    """
    how = TableOptions.from_json(options)
    tables = {split: read_table(file, how) for split, file in _find_files(path).items()}
    if any(spec.kind == "series" for spec in signature.inputs):
        return read_series_like(tables, signature, options)
    targets = column_names(signature.target)
    drop = bool(options.get("drop_missing_target", False))
    with_target = [_with_a_target(table, targets, drop) for table in tables.values()]
    return concatenate([_examples(table, signature, drop) for table in with_target])


def _read_labels(path: Path, name: str, encoding: str, target_type: TargetType) -> tuple[str, ...]:
    """The labels of a file, one a line."""
    if target_type != "labels":
        raise UsageError(
            f"data.labels={name} is for a target column that lists several labels",
            fix="data.target_type=labels",
        )
    file = (path if path.is_dir() else path.parent) / name
    labels = [line.strip() for line in read_text(file, encoding).split("\n") if line.strip()]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if len(labels) < 2 or twice:
        what = f"the label {twice[0]!r} twice" if twice else f"{len(labels)} labels"
        raise DataError(f"{file}: holds {what}", fix="it needs two labels or more, one a line")
    return tuple(labels)


def _find_files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {"train": path}
    files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in TABLE_SUFFIXES]
    found: dict[str, Path] = {}
    for file in files:
        role = ROLES.get(file.stem.lower())
        if role in found:
            raise DataError(
                f"{path}: {found[role].name} and {file.name} are both the {role} split",
                fix="remove one of them",
            )
        if role:
            found[role] = file
    return found


def _target_names(table: Table, target: str | Sequence[str] | None) -> tuple[str, ...]:
    known = table.frame.columns
    if target:
        wanted = (target,) if isinstance(target, str) else tuple(target)
        _require_known(table, "target", wanted)
        require_distinct(wanted)
        return wanted
    found = [name for name in known if name.lower() in TARGET_NAMES]
    if len(found) == 1:
        return (found[0],)
    raise UsageError(
        f"{table.path}: which column is to be predicted? It has {', '.join(map(repr, known[:40]))}",
        fix=f"data.target=NAME, for example data.target={known[-1]}; data.header=false if these are data",
    )


def _require_no_series(window: int, horizon: int, gaps: str) -> None:
    given = {"window": window != _WINDOW, "horizon": horizon != 1, "gaps": gaps != "refuse"}
    for name, is_given in given.items():
        if is_given:
            raise UsageError(
                f"data.{name} is for a series, and nothing says what orders the rows", fix="data.time=COLUMN"
            )


def _require_known(table: Table, option: str, given: Sequence[str] | Mapping[str, Any]) -> None:
    for name in given:
        if name not in table.frame.columns:
            raise UsageError(
                f"data.{option}: {table.path} has no column {name!r}",
                fix=did_you_mean(name, table.frame.columns),
            )


def _with_a_target(table: Table, targets: Sequence[str], drop_missing: bool) -> Table:
    """The rows that have at least one of the targets."""
    for name in targets:
        require_column(table, name)
    return _without(table, np.all(_missing(table, targets), axis=0), targets, drop_missing)


def _missing(table: Table, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Where a target is missing: ``[targets, rows]``."""
    return np.array([categories(table, name) == "" for name in targets])


def _without(
    table: Table, is_missing: npt.NDArray[np.bool_], targets: Sequence[str], drop_missing: bool
) -> Table:
    if not is_missing.any():
        return table
    if not drop_missing:
        first = table.where(int(np.flatnonzero(is_missing)[0]))
        raise DataError(
            f"{table.path}: target {' or '.join(map(repr, targets))} is missing in {_rows(int(is_missing.sum()))}, first in {first}",
            fix="data.drop_missing_target=true leaves these rows out",
        )
    if is_missing.all():
        raise DataError(f"{table.path}: target {targets[0]!r} is missing in every row", fix="data.target=…")
    return table.filter(~is_missing)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _truth_columns(table: Table, targets: Sequence[str], *, must_be_numbers: bool) -> list[TargetColumn]:
    return [_truth_column(table, name, must_be_numbers) for name in targets]


def _truth_column(table: Table, name: str, must_be_number: bool) -> TargetColumn:
    is_number = must_be_number or not not_numbers(table, name).any()
    return TargetColumn(name, categories(table, name), numbers(table, name) if is_number else None)


def _examples(table: Table, signature: Signature, drop_missing: bool) -> Examples:
    target = signature.target
    names = column_names(target)
    if not allows_gaps(target):
        table = _without(table, np.any(_missing(table, names), axis=0), names, drop_missing)
    ids = [table.where(row) for row in range(len(table))]
    parts = target.parts if isinstance(target, Several) else (target,) * len(names)
    truth = [
        _truth_column(table, name, part.kind == "values") for name, part in zip(names, parts, strict=True)
    ]
    return Examples(columns(table, signature.inputs), encode(target, truth, ids), ids)
