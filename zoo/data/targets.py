"""Decides from a data set's columns what is to be predicted, and encodes the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.contracts.signature import Binary, Classes, Labels, Target, Values
from zoo.errors import DataError, UsageError, did_you_mean

TargetType = Literal["auto", "classes", "binary", "labels", "values"]
YES = ("1", "true", "yes", "y", "t", "1.0")
NO = ("0", "false", "no", "n", "f", "0.0")
_MANY_LABELS = 20


@dataclass(frozen=True)
class TargetColumn:
    """A column of the truth, with no value missing.

    Attributes:
        name: Its name.
        text: As text, str ``[rows]``.
        numbers: As float64 ``[rows]``, if it is numeric.
    """

    name: str
    text: npt.NDArray[np.object_]
    numbers: npt.NDArray[np.float64] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The distinct values, in order."""
        return ordered(set(self.text.tolist()))


def ordered(labels: set[str]) -> tuple[str, ...]:
    """Labels in the order that people expect: numbers by size, words by alphabet."""
    try:
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(labels))


def infer(columns: Sequence[TargetColumn], wanted: TargetType) -> Target:
    """The target that these columns are.

    One column of text is Binary with two labels and Classes with more; numbers are Values, except whole
    numbers of which there are two. Several columns are Labels if they all say yes or no, else Values.

    Raises:
        UsageError: The columns do not fit together, or not with ``wanted``.
        DataError: There is nothing to learn: one label, or one value.
    """
    kind = _guess(columns) if wanted == "auto" else wanted
    if kind in ("classes", "binary") and len(columns) > 1:
        raise UsageError(
            f"data.target_type={kind} takes one target column, not {len(columns)}",
            fix="data.target_type=labels",
        )
    for column in columns:
        _require_difference(column)
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
    if isinstance(target, Classes | Binary):
        return (target.name,)
    assert isinstance(target, Labels | Values)
    return target.labels if isinstance(target, Labels) else target.names


def encode(target: Target, columns: Sequence[TargetColumn], ids: Sequence[str]) -> npt.NDArray[Any]:
    """The truth as ``Examples.target`` holds it.

    Raises:
        DataError: A value is none that the target has; names the example.
    """
    if isinstance(target, Values):
        return np.column_stack([_numbers(column) for column in columns])
    if isinstance(target, Labels):
        return np.column_stack([_claims(column, ids) for column in columns])
    assert isinstance(target, Classes | Binary)
    return _known(columns[0], target.labels, ids)


def _guess(columns: Sequence[TargetColumn]) -> TargetType:
    if len(columns) > 1:
        if all(_says_yes_or_no(column) for column in columns):
            return "labels"
        if all(column.numbers is not None for column in columns):
            return "values"
        odd = next(column.name for column in columns if column.numbers is None)
        raise UsageError(
            f"the target columns are neither all yes or no nor all numbers: see {odd!r}",
            fix="name columns of one type in data.target",
        )
    [column] = columns
    num_labels = len(column.labels)
    if column.numbers is None:
        return "binary" if num_labels == 2 else "classes"
    is_whole = bool((column.numbers == np.round(column.numbers)).all())
    return "binary" if num_labels == 2 and is_whole else "values"


def _require_difference(column: TargetColumn) -> None:
    if len(column.labels) == 1:
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
    num_rows, num_labels = len(column.text), len(column.labels)
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


def _claims(column: TargetColumn, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
    lowered = [label.lower() for label in column.text.tolist()]
    for row, label in enumerate(lowered):
        if label not in YES and label not in NO:
            raise DataError(
                f"{ids[row]}, label {column.name!r}: {label!r} is neither yes nor no",
                fix=f"known: {', '.join((*YES, *NO))}",
            )
    return np.array([label in YES for label in lowered])


def _known(column: TargetColumn, labels: Sequence[str], ids: Sequence[str]) -> npt.NDArray[np.object_]:
    known = set(labels)
    for row, label in enumerate(column.text.tolist()):
        if label not in known:
            raise DataError(
                f"{ids[row]}: label {label!r} does not occur in the training data",
                fix=did_you_mean(label, labels),
            )
    return column.text
