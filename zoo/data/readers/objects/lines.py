"""``boxes.csv``: a box a line, beside the pictures or with the paths to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.readers.objects.annotated import Annotated, make_objects
from zoo.errors import DataError
from zoo.runtime.tables import categories, numbers, read_table

FILE = "boxes.csv"
_NAMES = {
    "file": ("file", "filename", "image", "path"),
    "label": ("label", "class", "name", "category"),
    "left": ("left", "xmin", "x1"),
    "top": ("top", "ymin", "y1"),
    "right": ("right", "xmax", "x2"),
    "bottom": ("bottom", "ymax", "y2"),
}
_SIDES = ("left", "top", "right", "bottom")


def refuses(path: Path) -> str:
    """Why this is no CSV of boxes; empty if it is."""
    if path.is_dir():
        return "" if (path / FILE).is_file() else f"holds no {FILE}"
    return "" if path.name.lower() == FILE else f"is not called {FILE}"


def read(path: Path) -> Mapping[str, list[Annotated]]:
    """The pictures that the file names; a line with a file name alone is a picture without objects.

    Raises:
        DataError: A column is missing, or a cell is no number.
    """
    file = path / FILE if path.is_dir() else path
    table = read_table(file)
    columns = {what: _column(file, what, table.frame.columns) for what in _NAMES}
    names, labels = categories(table, columns["file"]), categories(table, columns["label"])
    sides = [numbers(table, columns[side]) for side in _SIDES]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    for row, label in enumerate(labels):
        if label == "" and not all(np.isnan(side[row]) for side in sides):
            raise DataError(
                f"{file} line {table.lines[row]}: a box without a label",
                fix="name what is in the box, or leave the sides empty for a picture without objects",
            )
    return {"train": [_annotated(file, name, own, labels, sides) for name, own in rows.items()]}


def _annotated(file: Path, name: str, rows: Sequence[int], labels: Any, sides: Sequence[Any]) -> Annotated:
    own = [row for row in rows if labels[row] != ""]
    objects = make_objects(
        [labels[row] for row in own], [[float(side[row]) for side in sides] for row in own]
    )
    return Annotated(file.parent / name, f"{file.name}, {name}", objects, [False] * len(own))


def _column(file: Path, what: str, known: Sequence[str]) -> str:
    name = next((name for name in known if name.lower() in _NAMES[what]), None)
    if name is None:
        raise DataError(f"{file}: has no column {what}", fix=f"one of {', '.join(_NAMES[what])}")
    return name
