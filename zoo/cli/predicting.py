"""``zoo predict``: answers for files, without PyTorch."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.cli import pictures
from zoo.cli.answers import as_csv, as_table
from zoo.cli.completing import MODEL
from zoo.cli.program import printable
from zoo.contracts.plain import plain
from zoo.errors import DataError, UsageError

# Below it most boxes are guesses, which measure how well a model ranks but hide what it found.
_SURE = 0.3


@click.command()
@click.argument("model", metavar="MODEL", type=MODEL)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--text", "texts", multiple=True, help="A text to answer for; may be given several times.")
@click.option("--prompt", "prompts", multiple=True, help="A text that a language model continues.")
@click.option("--max-tokens", type=int, default=200, show_default=True, help="Tokens added to the prompt.")
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Below 1 likelier tokens, 0 the likeliest.",
)
@click.option("--samples", type=int, help="Number of samples that a generator makes.")
@click.option("--label", help="What a conditional generator is asked for; all labels in turn by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides what is drawn at random.")
@click.option(
    "--draw",
    type=click.Path(path_type=Path),
    help="A PNG: the boxes or labels of a picture, or a grid of samples.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    help="Least score of a box; 0.3 where boxes are drawn or shown in a table, else 0.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="A folder: a PNG for each picture, mask or sample."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", help="How to print."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; short for --format json.")
def predict(
    model: Path,
    inputs: tuple[Path, ...],
    texts: tuple[str, ...],
    prompts: tuple[str, ...],
    max_tokens: int,
    temperature: float,
    samples: int | None,
    label: str | None,
    seed: int,
    draw: Path | None,
    min_score: float | None,
    out: Path | None,
    form: str,
    as_json: bool,
) -> None:
    """Answer for INPUTs: images, clips or folders of them, texts, rows of CSV or Parquet files, or .npz arrays.

    MODEL is an exported file, or the name of an installed model: `zoo list models`. A language model continues a --prompt, a generator makes --samples.
    """
    from zoo import runtime

    form = "json" if as_json else form
    _require_one_source(
        {"INPUT": inputs, "--text": texts, "--prompt": prompts, "--samples": samples is not None}
    )
    if samples is None:
        _refuse({"--label": label}, only_for="--samples")
    pictures.require_png(draw)
    predictor = runtime.load(model)
    if prompts:
        _refuse({"--draw": draw, "--out": out}, only_for="pictures")
        if form == "csv":
            raise UsageError("--format csv is for rows of answers, not for a text", fix="--json")
        how: Any = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        for prompt in prompts:
            _continue(predictor, prompt, form, **how)
        return
    columns, ids = _inputs(predictor, inputs, texts, samples, label=label, seed=seed)
    target = predictor.signature.target
    if target.kind == "mask":
        _refuse({"--min-score": min_score}, only_for="boxes")
        _print(ids, _segment(predictor, columns, ids, draw, out), target, form)
        return
    answers = predictor.answer(columns)
    if target.kind == "sample":
        _print_files(pictures.write_samples(answers[target.judged_by], draw, out), form)
        return
    rows = predictor.rows(answers)
    if draw or out:
        shown = _certain(target, rows, _SURE if min_score is None else min_score)
        _print_files(pictures.write_boxes(target, columns, shown, ids, draw, out), form, to_stderr=True)
    if target.kind == "boxes" and (min_score is not None or form == "table"):
        rows = _certain(target, rows, _SURE if min_score is None else min_score)
    _print(ids, rows, target, form)


def _require_one_source(given: Mapping[str, Any]) -> None:
    """Refuses two kinds of input at once: the answers of one would be left out."""
    named = [name for name, value in given.items() if value]
    if len(named) > 1:
        raise UsageError(
            f"{' and '.join(named)} both say what to answer for", fix="give one, and the other by itself"
        )


def _refuse(given: Mapping[str, Any], *, only_for: str) -> None:
    """Refuses options that would have no effect."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} is for {only_for}", fix=f"leave {name} out")


def _inputs(
    predictor: Any,
    inputs: Sequence[Path],
    texts: Sequence[str],
    samples: int | None,
    *,
    label: str | None,
    seed: int,
) -> tuple[Any, list[str]]:
    """Raw columns, and what each example is called."""
    from zoo.runtime.arrays import conform
    from zoo.runtime.inputs import decode

    if samples is not None:
        return predictor.latents(samples, seed=seed, label=label), [str(place) for place in range(samples)]
    if texts:
        return conform(list(texts), predictor.signature), list(texts)
    if not inputs:
        raise UsageError("there is nothing to answer for", fix=_what_to_give(predictor.signature))
    try:
        return decode(inputs, predictor.signature, predictor.certificate.reading)
    except (DataError, UsageError) as error:
        if "data." in error.fix:
            error.fix = (
                "change the file: a model reads as it was trained to, and data.… words are for training"
            )
        raise


def _what_to_give(signature: Any) -> str:
    """The words that a model takes."""
    if signature.target.kind == "sample":
        return "for example --samples 64 --draw grid.png"
    if signature.target.kind == "tokens":
        return 'for example --prompt "Once upon a time"'
    kinds = {spec.kind for spec in signature.inputs}
    return 'name a file, or --text "…"' if kinds == {"text"} else "name at least one file"


def _continue(predictor: Any, prompt: str, form: str, **how: Any) -> None:
    """Prints a prompt and its continuation as it comes."""
    pieces = predictor.generate(prompt, **how)
    if form == "json":
        added = "".join(pieces)
        _put(json.dumps({"prompt": prompt, "continuation": added}, ensure_ascii=False))
        return
    added = next(pieces, "")  # what is wrong is said before anything is printed
    _put(prompt + added, nl=False)
    for piece in pieces:
        _put(piece, nl=False)
        sys.stdout.flush()
    click.echo()


def _segment(
    predictor: Any, columns: Mapping[str, Any], ids: Sequence[str], draw: Path | None, out: Path | None
) -> list[dict[str, Any]]:
    """Rows for pictures, one at a time: answers as large as photos are not kept once they are written."""
    target = predictor.signature.target
    ((name, column),) = columns.items()
    rows = []
    for place, file in enumerate(pictures.mask_files(ids, draw, out)):
        given = column[place : place + 1]
        answers = predictor.answer({name: given})
        written = pictures.write_mask(target, given[0], answers["mask"][0], draw, file)
        rows += [{**row, **({"mask": str(file)} if file else {})} for row in predictor.rows(answers)]
        _print_files(written, "", to_stderr=True)
    return rows


def _certain(target: Any, rows: Sequence[dict[str, Any]], min_score: float) -> list[dict[str, Any]]:
    """Only the objects that the model is so sure of.

    Raises:
        UsageError: The model finds no objects.
    """
    if target.kind != "boxes":
        raise UsageError(
            f"the model answers {target.kind}, which is not drawn", fix="leave --draw and --out out"
        )
    return [
        {**row, "objects": [each for each in row["objects"] if each["score"] >= min_score]} for row in rows
    ]


def _print_files(paths: Sequence[Path], form: str, *, to_stderr: bool = False) -> None:
    for path in paths:
        click.echo(
            json.dumps({"file": str(path)}) if form == "json" and not to_stderr else path, err=to_stderr
        )


def _print(ids: Sequence[str], rows: Sequence[dict[str, Any]], target: Any, form: str) -> None:
    if form == "json":
        for name, row in zip(ids, rows, strict=True):
            _put(json.dumps(plain({"input": name, **row}), ensure_ascii=False))
    elif form == "csv":
        _put(as_csv(ids, rows, target), nl=False)
    else:
        click.echo(as_table(ids, rows, target))


def _put(text: str, *, nl: bool = True) -> None:
    """Prints what a program may read, exactly; on a terminal, labels and tokens give it no orders."""
    # With a colour of its own choosing click would leave escape sequences out.
    click.echo(printable(text) if sys.stdout.isatty() else text, nl=nl, color=True)
