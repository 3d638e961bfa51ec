"""``zoo predict``: answers for files, without PyTorch."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.cli.tables import render


@click.command()
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", help="How to print."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; short for --format json.")
def predict(model: Path, inputs: tuple[Path, ...], form: str, as_json: bool) -> None:
    """Answer for INPUTs: images or folders of them, rows of CSV or Parquet files, or .npz arrays."""
    from zoo import runtime
    from zoo.runtime.inputs import decode

    predictor = runtime.load(model)
    columns, ids = decode(inputs, predictor.signature, predictor.certificate.reading)
    rows = predictor.rows(predictor.answer(columns))
    form = "json" if as_json else form
    if form == "json":
        for name, row in zip(ids, rows, strict=True):
            click.echo(json.dumps({"input": name, **row}, ensure_ascii=False))
    elif form == "csv":
        click.echo(_as_csv(ids, rows, predictor.signature.target), nl=False)
    else:
        click.echo(_as_table(ids, rows, predictor.signature.target))


def _as_csv(ids: Sequence[str], rows: Sequence[dict[str, Any]], target: Any) -> str:
    """Every answer in a column of its own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["input", *(name for name, _ in _flat(rows[0], target))])
    for name, row in zip(ids, rows, strict=True):
        writer.writerow([name, *(value for _, value in _flat(row, target))])
    return text.getvalue()


def _flat(row: dict[str, Any], target: Any) -> Iterable[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{part}", each) for part, each in value.items())
        elif key == "values":
            yield from zip(target.names, value, strict=True)
        else:
            yield key, " ".join(value) if isinstance(value, list) else value


def _as_table(ids: Sequence[str], rows: Sequence[dict[str, Any]], target: Any) -> str:
    """For people: the answer, and how sure it is."""
    if "values" in rows[0]:
        header: tuple[str, ...] = ("input", *target.names)
        cells = [
            (name, *(f"{value:,.6g}" for value in row["values"])) for name, row in zip(ids, rows, strict=True)
        ]
    elif "labels" in rows[0]:
        header = ("input", "labels", "probabilities")
        cells = [
            (name, ", ".join(row["labels"]) or "-", _shares(row)) for name, row in zip(ids, rows, strict=True)
        ]
    else:
        header = ("input", "label", "probability")
        cells = [(name, row["label"], f"{_certainty(row):.4f}") for name, row in zip(ids, rows, strict=True)]
    return render(cells, header=header)


def _certainty(row: dict[str, Any]) -> float:
    """The probability of the label that was answered."""
    if "probabilities" in row:
        return float(row["probabilities"][row["label"]])
    return max(float(row["probability"]), 1 - float(row["probability"]))


def _shares(row: dict[str, Any]) -> str:
    return "  ".join(f"{label} {value:.3f}" for label, value in row["probabilities"].items())
