"""Answers of a model for people and for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from zoo.cli.tables import render

Row = dict[str, Any]
_LONGEST_NAME = 60
_NUM_SHOWN = 5


def as_csv(ids: Sequence[str], rows: Sequence[Row], target: Any) -> str:
    """Every answer in a column of its own; objects in a picture have a line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if target.kind == "boxes":
        writer.writerow(["input", "label", "score", "left", "top", "right", "bottom"])
        for name, row in zip(ids, rows, strict=True):
            writer.writerows([name, each["label"], each["score"], *each["box"]] for each in row["objects"])
        return text.getvalue()
    writer.writerow(["input", *(name for name, _ in _flat(rows[0], target))])
    for name, row in zip(ids, rows, strict=True):
        writer.writerow([name, *(value for _, value in _flat(row, target))])
    return text.getvalue()


def as_table(ids: Sequence[str], rows: Sequence[Row], target: Any) -> str:
    """For people: the answer, and how sure it is."""
    if target.kind == "boxes":
        return _objects(ids, rows)
    cells = [(_short(name), *_cells(row, target)) for name, row in zip(ids, rows, strict=True)]
    return render(cells, header=("input", *_header(rows[0], target)))


def _objects(ids: Sequence[str], rows: Sequence[Row]) -> str:
    cells = []
    for name, row in zip(ids, rows, strict=True):
        found = [
            (name, each["label"], f"{each['score']:.3f}", " ".join(f"{side:.0f}" for side in each["box"]))
            for each in row["objects"]
        ]
        cells += found or [(name, "-", "", "")]
    return render(cells, header=("input", "label", "score", "left top right bottom"))


def _flat(row: Row, target: Any) -> Iterable[tuple[str, Any]]:
    """Names and values of one row, tables within it by dotted names."""
    for key, value in row.items():
        if key == "values":
            yield from zip(target.names, value, strict=True)
        elif isinstance(value, dict):
            part = _part(target, key)
            for name, each in _flat(value, part):
                yield key if name == key else f"{key}.{name}", each
        elif key == "probability":
            yield f"{key}.{target.labels[1]}", value
        elif isinstance(value, list) and value and isinstance(value[0], float):
            yield from ((f"{key}+{step}", each) for step, each in enumerate(value, start=1))
        else:
            yield key, " ".join(value) if isinstance(value, list) else value


def _part(target: Any, name: str) -> Any:
    """The part of several targets of that name."""
    parts = dict(zip(target.names, target.parts, strict=True)) if target.kind == "several" else {}
    return parts.get(name, target)


def _header(row: Row, target: Any) -> tuple[str, ...]:
    match target.kind:
        case "values":
            return tuple(target.names)
        case "labels":
            return ("labels", "probabilities")
        case "mask":
            return ("share of pixels",)
        case "forecast":
            return (*target.names,)
        case "tokens":
            return ("next",)
        case "several":
            return tuple(
                name
                for part in target.names
                for name in _renamed(_header(row[part], _part(target, part)), part)
            )
    return ("label", "probability")


def _renamed(names: tuple[str, ...], part: str) -> tuple[str, ...]:
    """Columns of a part: the answer has the part's name."""
    return (part, *(f"{part} {name}" for name in names[1:]))


def _cells(row: Row, target: Any) -> tuple[str, ...]:
    match target.kind:
        case "values":
            return tuple(f"{value:,.6g}" for value in row["values"])
        case "mask":
            return (_shares({label: share for label, share in row["shares"].items() if share > 0}),)
        case "labels":
            return (", ".join(row["labels"]) or "-", _shares(row["probabilities"]))
        case "forecast":
            return tuple(" ".join(f"{value:,.6g}" for value in each) for each in row["forecast"].values())
        case "tokens":
            return (_shares({repr(token): share for token, share in row["next"].items()}),)
        case "several":
            return tuple(cell for name in target.names for cell in _cells(row[name], _part(target, name)))
    return (row["label"], f"{_certainty(row):.4f}")


def _certainty(row: Row) -> float:
    """The probability of the label that was answered."""
    if "probabilities" in row:
        return float(row["probabilities"][row["label"]])
    return max(float(row["probability"]), 1 - float(row["probability"]))


def _shares(probabilities: dict[str, float]) -> str:
    """The likeliest few."""
    likeliest = sorted(probabilities.items(), key=lambda pair: -pair[1])[:_NUM_SHOWN]
    return "  ".join(f"{label} {value:.3f}" for label, value in likeliest)


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"
