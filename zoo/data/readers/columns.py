"""Decides which type each column of a table has, and refuses columns that nothing can be learned from."""

import re
import shlex
from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np

from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.runtime.tables import Table, categories, not_numbers, numbers, texts

ColumnType = Literal["number", "category", "text"]
MAX_CATEGORIES = 1000
_MAX_ODD_CELLS = 0.1
_MIN_ROWS = 20
_MAX_WORDS_OF_A_CATEGORY = 3


def infer_inputs(
    table: Table, *, exclude: Collection[str], types: Mapping[str, ColumnType]
) -> tuple[TensorSpec, ...]:
    """One raw input a column: ``number`` where every cell is one, else ``category`` or, alone, ``text``.

    Args:
        table: The training data.
        exclude: Columns that are no inputs.
        types: By column, the type it has whatever is in it.

    Raises:
        DataError: No column is left, or one cannot be used; the message says how to leave it out.
    """
    names = [name for name in table.frame.columns if name not in exclude]
    if not names:
        raise DataError(
            f"{table.path}: no column is left to predict from", fix="check data.drop and data.target"
        )
    specs = tuple(_spec(name, types.get(name) or _infer(table, name)) for name in names)
    _require_text_alone(table, specs)
    return specs


def _spec(name: str, kind: ColumnType) -> TensorSpec:
    return TensorSpec(name, kind, "float64" if kind == "number" else "string", ())


def _infer(table: Table, name: str) -> ColumnType:
    import polars as pl

    column = table.frame[name]
    if column.null_count() == len(column):
        raise DataError(f"{table.path}: column {name!r} has no value in any row", fix=_drop(name))
    odd = not_numbers(table, name)
    if column.dtype == pl.Boolean or odd.any():
        require_text(table, name, otherwise=_type(name, "category"))
        return "text" if _is_text(table, name) else "category"
    _require_no_row_number(table, name)
    return "number"


def _is_text(table: Table, name: str) -> bool:
    """Whether there are too many different values for categories, or whole phrases of which most differ."""
    values = [value for value in categories(table, name).tolist() if value]
    num_values = len(set(values))
    if num_values > MAX_CATEGORIES or (num_values > 2 * _MIN_ROWS and num_values > len(table) / 2):
        return True
    are_phrases = np.median([len(value.split()) for value in values]) > _MAX_WORDS_OF_A_CATEGORY
    return bool(are_phrases and num_values > len(values) / 2)


def _require_text_alone(table: Table, specs: tuple[TensorSpec, ...]) -> None:
    found = [spec.name for spec in specs if spec.kind == "text"]
    if not found or len(specs) == 1:
        return
    longest = max(found, key=lambda name: sum(map(len, texts(table, name).tolist())))
    others = [spec.name for spec in specs if spec.name != longest]
    num_texts = len(set(texts(table, found[0]).tolist()))
    leave_out = f", and {_drop(*found)} leaves the texts out" if len(found) < len(specs) else ""
    raise DataError(
        f"{table.path}: column {found[0]!r} has {num_texts} different texts in {len(table)} rows; "
        "a text cannot be learned from beside other columns",
        fix=f"{_drop(*others)} leaves {longest!r} alone{leave_out}; {_type(found[0], 'category')} takes texts for categories",
    )


def require_text(table: Table, name: str, *, otherwise: str) -> None:
    """Refuses a column of numbers with a few odd cells, which is a mistake in the file.

    Raises:
        DataError: It is one; ``otherwise`` is the word to type where it is none.
    """
    odd = np.flatnonzero(not_numbers(table, name))
    num_values = len(table) - table.frame[name].null_count()
    if len(table) < _MIN_ROWS or not 0 < len(odd) <= _MAX_ODD_CELLS * num_values:
        return
    row = int(odd[0])
    raise DataError(
        f"{table.where(row)}, column {name!r}: {table.frame[name][row]!r} is not a finite number, as nearly all others are",
        fix=f"correct the cell, name it in data.missing=[…], or {otherwise}",
    )


def _require_no_row_number(table: Table, name: str) -> None:
    values = numbers(table, name)
    if len(values) >= _MIN_ROWS and values[0] in (0, 1) and bool((np.diff(values) == 1).all()):
        raise DataError(
            f"{table.path}: column {name!r} numbers the rows; a network would learn their order",
            fix=f"{_drop(name)}, or {_type(name, 'number')} to use it all the same",
        )


def _drop(*names: str) -> str:
    """The word to type that leaves columns out."""
    word = f"data.drop=[{','.join(names)}]"
    return shlex.quote(word) if " " in word else word


def _type(name: str, kind: ColumnType) -> str:
    """The word to type that sets a column's type."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return f"data.types.{name}={kind}"
    return shlex.quote(f'data.types."{name}"={kind}')
