"""``zoo train`` and ``zoo resume``."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from zoo.cli.completing import ARCHITECTURE, DATA, RESUME_WORD, TRAIN_WORD
from zoo.cli.tables import render
from zoo.contracts.plain import plain
from zoo.registry import Registry
from zoo.words import merge, read_file, read_words

_KEYS = """Keys: model, data, objective, loss, optimizer, schedule, initialization, metrics, epochs, batch_size, seed,
device, precision, compile, accumulate, clip_norm, ema, early_stopping, checkpoint. The options of an entry
stand below its key: optimizer=sgd optimizer.lr=0.1 model.hidden=[128,128] data.target=species.
`zoo show NAME` lists the options of an entry, `zoo show data` those of files and folders."""


@click.command(epilog=_KEYS)
@click.argument("architecture", type=ARCHITECTURE, required=False)
@click.argument("words", metavar="[KEY=VALUE]...", nargs=-1, type=TRAIN_WORD)
@click.option("--data", type=DATA, metavar="DATA", help="A data set of the zoo, or a file or folder.")
@click.option("--recipe", type=click.Path(path_type=Path), help="A TOML file with the same keys.")
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="Run folder; runs/NAME-N by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def train(
    architecture: str | None,
    words: tuple[str, ...],
    data: str | None,
    recipe: Path | None,
    run_path: Path | None,
    as_json: bool,
) -> None:
    """Train ARCHITECTURE on DATA and keep everything in a run folder."""
    from zoo.training import session

    if architecture is not None and "=" in architecture:
        words = (architecture, *words)
        architecture = None
    said: dict[str, Any] = {"model": architecture} if architecture else {}
    said |= {"data": data} if data else {}
    given = merge(read_file(recipe) if recipe else {}, said, read_words(words))
    run = session.start(given, run_path=run_path, registry=Registry.discover(), progress=progress())
    _print_result(run, as_json)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("words", metavar="[KEY=VALUE]...", nargs=-1, type=RESUME_WORD)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def resume(run: Path, words: tuple[str, ...], as_json: bool) -> None:
    """Continue RUN from its newest checkpoint; words such as epochs=50 change the recipe from here on."""
    from zoo import runs
    from zoo.training import session

    found = runs.find(run)
    session.resume(found, read_words(words), registry=Registry.discover(), progress=progress())
    _print_result(found, as_json)


def progress() -> Any:
    """A live bar on a terminal, one line an epoch elsewhere; both on stderr."""
    from rich.console import Console

    from zoo.training.progress import Lines, LiveBar

    if sys.stderr.isatty():
        return LiveBar(Console(stderr=True))
    return Lines(lambda line: click.echo(line, err=True))


def _print_result(run: Any, as_json: bool) -> None:
    metrics = run.status()["metrics"]
    if as_json:
        click.echo(json.dumps({"run": str(run.path), "metrics": plain(metrics)}))
        return
    names = [name for name in metrics["test"] if not name.endswith("]")]
    rows = [(split, *(f"{metrics[split][name]:.4g}" for name in names)) for split in ("validation", "test")]
    click.echo(render(rows, header=("", *names)))
    labels = [name for name in metrics["test"] if name.endswith("]")]
    if labels:
        each = [
            (name, *(f"{metrics[split][name]:.4g}" for split in ("validation", "test"))) for name in labels
        ]
        click.echo("\n" + render(each, header=("", "validation", "test")))
    click.echo(f"\nrun:    {run.path}\nreport: {run.report_path}\nnext:   zoo export {run.path}")
