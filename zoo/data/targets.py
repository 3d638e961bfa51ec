"""Decides from a data set's columns what is to be predicted, and encodes the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.contracts.targets import Binary, Classes, Labels, Several, Target, Values, part_name
from zoo.errors import DataError, UsageError, did_you_mean

TargetType = Literal["auto", "classes", "binary", "labels", "values"]
YES = ("1", "true", "yes", "y", "t", "1.0")
NO = ("0", "false", "no", "n", "f", "0.0")
LIST_SEPARATOR = ","
_MANY_LABELS = 20


@dataclass(frozen=True)
class TargetColumn:
    """A column of the truth.

    Attributes:
        name: Its name.
        given: As text, str ``[rows]``, ``""`` where a value is not known, or what makes the text.
        numbers: As float64 ``[rows]`` with NaN where a value is not known, if it is numeric.
    """

    name: str
    given: npt.NDArray[np.object_] | Callable[[], npt.NDArray[np.object_]]
    numbers: npt.NDArray[np.float64] | None = None

    @cached_property
    def text(self) -> npt.NDArray[np.object_]:
        """The column as text; of many numbers it is only made where it is looked at."""
        return self.given() if callable(self.given) else self.given

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct values, in order."""
        return ordered(set(self.text.tolist()) - {""})

    @property
    def is_constant(self) -> bool:
        """Whether there is one value in all the rows."""
        if self.numbers is not None:
            known = self.numbers[~np.isnan(self.numbers)]
            return len(known) > 0 and bool((known == known[0]).all())
        return len(self.labels) == 1


def ordered(labels: set[str]) -> tuple[str, ...]:
    """Labels in the order that people expect: numbers by size, words by alphabet."""
    try:
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(labels))


def infer(columns: Sequence[TargetColumn], wanted: TargetType, known: Sequence[str] = ()) -> Target:
    """The target that these columns are.

    One column of text is Binary with two labels and Classes with more; numbers are Values, except whole
    numbers of which there are two. Several columns are Labels if they all say yes or no, Values if they
    are all numbers, else Several targets, one a column. Where one column is to be Labels, each of its
    cells lists labels, separated by commas.

    Args:
        columns: The columns.
        wanted: What the target is; ``"auto"`` decides by what is in the columns.
        known: The labels that a column lists, by name or, where a cell holds none of them, by number from
            0; by default those that are in it.

    Raises:
        UsageError: The columns do not fit with ``wanted``.
        DataError: There is nothing to learn: one label, or one value.
    """
    kind = _guess(columns) if wanted == "auto" else wanted
    if kind in ("classes", "binary") and len(columns) > 1:
        raise UsageError(
            f"data.target_type={kind} takes one target column, not {len(columns)}",
            fix="data.target_type=labels",
        )
    if kind == "labels" and len(columns) == 1 and (known or not _says_yes_or_no(columns[0])):
        return _listing(columns[0], known)
    for column in columns:
        _require_difference(column)
    if kind == "several":
        return Several(tuple(infer([column], "auto") for column in columns))
    if kind == "values":
        return _values(columns)
    if kind == "labels":
        return _labels(columns)
    return _binary(columns[0]) if kind == "binary" else _classes(columns[0])


def label_target(column: TargetColumn) -> Target:
    """Binary with two labels, Classes with more, whatever the column holds.

    Raises:
        DataError: There is one label only.
    """
    return infer([column], "binary" if len(column.labels) == 2 else "classes")


def column_names(target: Target) -> tuple[str, ...]:
    """The columns that a target was made from."""
    match target:
        case Classes(name=name) | Binary(name=name):
            return (name,)
        case Labels(labels=labels, column=column):
            return (column,) if column else labels
        case Values(names=names) | Several(names=names):
            return names
    raise TypeError(f"a {target.kind} target is not made from columns")


def require_distinct(targets: Sequence[str]) -> None:
    """Refuses a column that is to be predicted twice.

    Raises:
        UsageError: Names it.
    """
    for name in targets:
        if targets.count(name) > 1:
            raise UsageError(f"data.target names {name!r} twice", fix="name each column once")


def allows_gaps(target: Target) -> bool:
    """Whether a row counts where only some of the target's columns are known."""
    return isinstance(target, Several) or (isinstance(target, Labels) and not target.column)


def encode(target: Target, columns: Sequence[TargetColumn], ids: Sequence[str]) -> Any:
    """The truth as ``Examples.target`` holds it.

    Raises:
        DataError: A value is none that the target has; names the example.
    """
    match target:
        case Several(parts=parts):
            truths = [_encode_part(part, column, ids) for part, column in zip(parts, columns, strict=True)]
            return dict(zip(map(part_name, parts), truths, strict=True))
        case Values():
            return np.column_stack([_numbers(column) for column in columns])
        case Labels(column=column) if column:
            return _listed(columns[0], target.labels, ids)
        case Labels():
            claims = np.column_stack([_claims(column, ids) for column in columns])
            return claims if np.isnan(claims).any() else claims.astype(np.bool_)
        case Classes(labels=labels) | Binary(labels=labels):
            return _known(columns[0], labels, ids)
    raise TypeError(f"a {target.kind} target is not made from columns")


def _encode_part(part: Target, column: TargetColumn, ids: Sequence[str]) -> Any:
    """A part of several may be missing: ``""`` for a label, NaN for a value."""
    if isinstance(part, Classes | Binary):
        return _known(column, ("", *part.labels), ids)
    return encode(part, [column], ids)


def _guess(columns: Sequence[TargetColumn]) -> Literal["classes", "binary", "labels", "values", "several"]:
    if len(columns) > 1:
        if all(_says_yes_or_no(column) for column in columns):
            return "labels"
        return "values" if all(column.numbers is not None for column in columns) else "several"
    [column] = columns
    num_labels = len(column.labels)
    if column.numbers is None:
        return "binary" if num_labels == 2 else "classes"
    known = column.numbers[~np.isnan(column.numbers)]
    is_whole = bool((known == np.round(known)).all())
    return "binary" if num_labels == 2 and is_whole else "values"


def _require_difference(column: TargetColumn) -> None:
    if column.is_constant:
        raise DataError(
            f"target {column.name!r} is {column.labels[0]!r} in every training example: there is nothing to learn",
            fix="add examples of another class, or name another column with data.target=…",
        )


def _values(columns: Sequence[TargetColumn]) -> Values:
    for column in columns:
        _numbers(column)
    return Values(tuple(column.name for column in columns))


def _labels(columns: Sequence[TargetColumn]) -> Labels:
    for column in columns:
        if not _says_yes_or_no(column):
            odd = next(label for label in column.labels if label.lower() not in (*YES, *NO))
            raise DataError(
                f"label {column.name!r} holds {odd!r}, which is neither yes nor no",
                fix=f"known: {', '.join((*YES, *NO))}",
            )
    return Labels(tuple(column.name for column in columns))


def _classes(column: TargetColumn) -> Classes:
    num_rows, num_labels = int((column.text != "").sum()), len(column.labels)
    if num_labels > _MANY_LABELS and num_labels > num_rows / 2:
        raise DataError(
            f"target {column.name!r} has {num_labels} labels in {num_rows} rows, for example {column.labels[0]!r}",
            fix="a class needs several examples; see data.target=… and data.target_type=…",
        )
    return Classes(column.labels, column.name)


def _binary(column: TargetColumn) -> Binary:
    if len(column.labels) != 2:
        raise DataError(
            f"target {column.name!r} has {len(column.labels)} labels ({', '.join(column.labels[:5])}), binary has two",
            fix="data.target_type=classes",
        )
    first, second = column.labels
    if first.lower() in YES and second.lower() not in YES:
        first, second = second, first
    return Binary((first, second), column.name)


def _says_yes_or_no(column: TargetColumn) -> bool:
    return all(label.lower() in (*YES, *NO) for label in column.labels)


def _numbers(column: TargetColumn) -> npt.NDArray[np.float64]:
    if column.numbers is None:
        raise DataError(
            f"target {column.name!r} is not numeric: it holds {column.labels[0]!r}",
            fix="data.target_type=classes",
        )
    return column.numbers


def _claims(column: TargetColumn, ids: Sequence[str]) -> npt.NDArray[np.float64]:
    """1 for yes, 0 for no, NaN where it is not known."""
    lowered = [label.lower() for label in column.text.tolist()]
    for row, label in enumerate(lowered):
        if label and label not in YES and label not in NO:
            raise DataError(
                f"{ids[row]}, label {column.name!r}: {label!r} is neither yes nor no",
                fix=f"known: {', '.join((*YES, *NO))}",
            )
    return np.array([float(label in YES) if label else np.nan for label in lowered])


def _listing(column: TargetColumn, known: Sequence[str]) -> Labels:
    labels = tuple(known) or ordered({label for cell in column.text.tolist() for label in _split(cell)})
    if len(labels) < 2:
        raise DataError(
            f"target {column.name!r} lists {len(labels)} labels ({', '.join(labels)}): there is nothing to tell apart",
            fix="name another column with data.target=…, or see data.target_type=…",
        )
    if len(labels) > max(_MANY_LABELS, len(column.text) / 2) and not known:
        raise DataError(
            f"target {column.name!r} lists {len(labels)} labels in {len(column.text)} rows, for example {labels[0]!r}",
            fix="a label needs several examples; see data.target=… and data.target_type=…",
        )
    return Labels(labels, column.name)


def _split(cell: str) -> list[str]:
    return [label.strip() for label in cell.split(LIST_SEPARATOR) if label.strip()]


def _listed(column: TargetColumn, labels: Sequence[str], ids: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which labels the cells list: bool ``[rows, labels]``."""
    places = {label: place for place, label in enumerate(labels)}
    listed = np.zeros((len(column.text), len(labels)), np.bool_)
    for row, cell in enumerate(column.text.tolist()):
        for label in _split(cell):
            place = places[label] if label in places else _index(label, len(labels))
            if place is None:
                raise DataError(
                    f"{ids[row]}: label {label!r} of {column.name!r} is none of the {len(labels)} labels",
                    fix=f"{did_you_mean(label, labels)}, or a number from 0 to {len(labels) - 1}",
                )
            listed[row, place] = True
    return listed


def _index(label: str, num_labels: int) -> int | None:
    is_one = label.isascii() and label.isdigit() and len(label) < 10 and int(label) < num_labels
    return int(label) if is_one else None


def _known(column: TargetColumn, labels: Sequence[str], ids: Sequence[str]) -> npt.NDArray[np.object_]:
    known = set(labels)
    if known.issuperset(column.labels) and ("" in known or "" not in column.text):
        return column.text
    for row, label in enumerate(column.text.tolist()):
        if label not in known:
            raise DataError(
                f"{ids[row]}: label {label!r} does not occur in the training data",
                fix=did_you_mean(label, labels),
            )
    return column.text
