"""Reads tables: a CSV, TSV or Parquet file, or a folder with ``train.csv`` beside ``test.csv``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.contracts.signature import Examples, Signature, Splits
from zoo.data.examples import concatenate
from zoo.data.readers.columns import ColumnType, infer_inputs, require_text
from zoo.data.splits import ROLES
from zoo.data.targets import TargetColumn, TargetType, column_names, encode, infer
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
    encoding: str = "utf-8",
    missing: tuple[str, ...] = MISSING,
) -> Splits:
    """The rows of a table; every column that is not the target is an input.

    Args:
        path: The file or folder.
        target: The column to predict, or several; by default one called target, label, class or y.
        target_type: What the target is; auto decides by what is in it.
        drop: Columns to leave out.
        types: By column, number or category, where the type that is inferred is not the right one.
        drop_missing_target: Leave out rows without a target.
        header: Whether the first line names the columns.
        names: Names of the columns, instead of the header's.
        separator: One character, tab, or auto.
        quoting: Whether double quotes enclose cells.
        encoding: The text encoding.
        missing: Cells that stand for a missing value.

    Raises:
        UsageError: A column that an option names does not exist.
        DataError: The table cannot be read or learned from.
    """
    how = TableOptions(header, tuple(names), separator, quoting, encoding, tuple(missing))
    tables = {split: read_table(file, how) for split, file in _find_files(path).items()}
    targets = _target_names(tables["train"], target)
    _require_known(tables["train"], "drop", drop)
    _require_known(tables["train"], "types", types or {})
    tables = {split: _with_target(table, targets, drop_missing_target) for split, table in tables.items()}
    if target_type == "auto":
        for name in targets:
            require_text(tables["train"], name, otherwise="data.target_type=classes")
    inputs = infer_inputs(tables["train"], exclude={*targets, *drop}, types=types or {})
    truth = _truth_columns(tables["train"], targets, must_be_numbers=target_type == "values")
    signature = Signature(inputs, infer(truth, target_type))
    parts = {split: _examples(table, signature) for split, table in tables.items()}
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every row as examples of ``signature``.

    Raises:
        DataError: A column is missing, or holds what the signature does not know.
    """
    how = TableOptions.from_json(options)
    targets = column_names(signature.target)
    drop_missing = bool(options.get("drop_missing_target", False))
    tables = [read_table(file, how) for file in _find_files(path).values()]
    return concatenate([_examples(_with_target(table, targets, drop_missing), signature) for table in tables])


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
        return wanted
    found = [name for name in known if name.lower() in TARGET_NAMES]
    if len(found) == 1:
        return (found[0],)
    raise UsageError(
        f"{table.path}: which column is to be predicted? It has {', '.join(map(repr, known[:40]))}",
        fix=f"data.target=NAME, for example data.target={known[-1]}",
    )


def _require_known(table: Table, option: str, given: Sequence[str] | Mapping[str, Any]) -> None:
    for name in given:
        if name not in table.frame.columns:
            raise UsageError(
                f"data.{option}: {table.path} has no column {name!r}",
                fix=did_you_mean(name, table.frame.columns),
            )


def _with_target(table: Table, targets: Sequence[str], drop_missing: bool) -> Table:
    """The rows whose target is known."""
    for name in targets:
        require_column(table, name)
    is_missing = np.any([categories(table, name) == "" for name in targets], axis=0)
    if not is_missing.any():
        return table
    if not drop_missing:
        first = table.where(int(np.flatnonzero(is_missing)[0]))
        raise DataError(
            f"{table.path}: target {' or '.join(map(repr, targets))} is missing in {is_missing.sum()} rows, first in {first}",
            fix="data.drop_missing_target=true leaves these rows out",
        )
    if is_missing.all():
        raise DataError(f"{table.path}: target {targets[0]!r} is missing in every row", fix="data.target=…")
    return table.filter(~is_missing)


def _truth_columns(table: Table, targets: Sequence[str], *, must_be_numbers: bool) -> list[TargetColumn]:
    return [_truth_column(table, name, must_be_numbers) for name in targets]


def _truth_column(table: Table, name: str, must_be_number: bool) -> TargetColumn:
    is_number = must_be_number or not not_numbers(table, name).any()
    return TargetColumn(name, categories(table, name), numbers(table, name) if is_number else None)


def _examples(table: Table, signature: Signature) -> Examples:
    ids = [table.where(row) for row in range(len(table))]
    names = column_names(signature.target)
    truth = _truth_columns(table, names, must_be_numbers=signature.target.kind == "values")
    return Examples(columns(table, signature.inputs), encode(signature.target, truth, ids), ids)
