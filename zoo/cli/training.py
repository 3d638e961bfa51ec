"""``zoo train`` and ``zoo resume``."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from zoo.cli.completing import ARCHITECTURE, DATA, RESUME_WORD, TRAIN_WORD
from zoo.cli.tables import render
from zoo.contracts.plain import plain
from zoo.errors import UsageError
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
@click.option("--deterministic", is_flag=True, help="Same bits again on a GPU too; the CPU always is.")
@click.option("--processes", type=click.IntRange(min=1), help="Processes that share every batch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def train(
    architecture: str | None,
    words: tuple[str, ...],
    data: str | None,
    recipe: Path | None,
    run_path: Path | None,
    deterministic: bool,
    processes: int | None,
    as_json: bool,
) -> None:
    """Train ARCHITECTURE on DATA and keep everything in a run folder.

    Under `torchrun -m -- zoo train ...` its processes share every batch, on one machine or several.
    """
    if processes is not None and not _is_launched():
        _launch(run_path, processes)
    from zoo.training import planning, session
    from zoo.training.allocation import keep_freed_memory

    keep_freed_memory()
    if deterministic:
        words = (*words, "deterministic=true")
    if architecture is not None and "=" in architecture:
        words = (architecture, *words)
        architecture = None
    said: dict[str, Any] = {"model": architecture} if architecture else {}
    said |= {"data": data} if data else {}
    given = merge(read_file(recipe) if recipe else {}, said, read_words(words))
    registry = Registry.discover()
    try:
        run = session.start(given, run_path=run_path, registry=registry, progress=progress())
    except UsageError:
        if recipe is not None:  # perhaps a name is unknown because its plugin is not here
            planning.require_plugins_of(recipe, registry)
        raise
    _print_result(run, as_json)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("words", metavar="[KEY=VALUE]...", nargs=-1, type=RESUME_WORD)
@click.option("--processes", type=click.IntRange(min=1), help="Processes that share every batch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def resume(run: Path, words: tuple[str, ...], processes: int | None, as_json: bool) -> None:
    """Continue RUN from its newest checkpoint; words such as epochs=50 change the recipe from here on."""
    if processes is not None and not _is_launched():
        _launch(run, processes)
    from zoo import runs
    from zoo.training import session
    from zoo.training.allocation import keep_freed_memory

    keep_freed_memory()
    found = runs.find(run)
    session.resume(found, read_words(words), registry=Registry.discover(), progress=progress())
    _print_result(found, as_json)


def progress() -> Any:
    """A live bar on a terminal, one line an epoch elsewhere; both on stderr."""
    from rich.console import Console

    from zoo.training.progress import Lines, LiveBar, Progress

    if not _is_first():
        return Progress()
    if sys.stderr.isatty():
        return LiveBar(Console(stderr=True))
    return Lines(lambda line: click.echo(line, err=True))


def _is_launched() -> bool:
    """Whether this process is one of those that a launcher started."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def _is_first() -> bool:
    """Whether this process speaks for all that train together."""
    return os.environ.get("RANK", "0") == "0"


def _launch(run_path: Path | None, num_processes: int) -> None:
    """Starts the processes with the words of this one, and ends as they do."""
    if run_path is None:
        raise UsageError(
            "several processes train into one folder, and must be told which", fix="add --run DIR"
        )
    from zoo.training import launching  # with PyTorch

    code = launching.launch(
        sys.argv[1:], run_path, num_processes, say=lambda line: click.echo(line, err=True)
    )
    raise click.exceptions.Exit(code)


def _print_result(run: Any, as_json: bool) -> None:
    if not _is_first():
        return
    metrics = run.status()["metrics"]
    if as_json:
        click.echo(json.dumps({"run": str(run.path), "metrics": plain(metrics)}))
        return
    names = [name for name in metrics["test"] if not name.endswith("]")]
    rows = [(split, *(_number(metrics[split][name]) for name in names)) for split in ("validation", "test")]
    click.echo(render(rows, header=("", *names)))
    labels = [name for name in metrics["test"] if name.endswith("]")]
    if labels:
        each = [
            (name, *(_number(metrics[split][name]) for split in ("validation", "test"))) for name in labels
        ]
        click.echo("\n" + render(each, header=("", "validation", "test")))
    click.echo(f"\nrun:    {run.path}\nreport: {run.report_path}\nnext:   zoo export {run.path}")


def _number(value: float | None) -> str:
    """A metric; one that is undefined, as the AUROC of a split with one class is, has no number in JSON."""
    return "nan" if value is None else f"{value:.4g}"
