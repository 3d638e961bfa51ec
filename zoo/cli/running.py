"""``zoo runs``: where each run stands."""

import json
from pathlib import Path
from typing import Any

import click

from zoo import locks
from zoo import runs as run_folders
from zoo.cli.tables import render
from zoo.errors import ArtifactError
from zoo.runs import Run


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=run_folders.RUNS)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER with state, step and test metrics."""
    found = [(run, _status(run)) for run in run_folders.list_runs(folder)]
    if as_json:
        click.echo(json.dumps([{"run": str(run.path), **status} for run, status in found], indent=2))
        return
    rows = [
        (
            run.path,
            status["state"],
            status.get("step", ""),
            _metrics(status.get("metrics")),
        )
        for run, status in found
    ]
    click.echo(render(rows, header=("run", "state", "step", "test")) if rows else f"no runs in {folder}")


def _status(run: Run) -> dict[str, Any]:
    try:
        status = run.status()
        if not isinstance(status.get("state"), str):
            raise ArtifactError(f"{run.status_path} is damaged: it names no state")
        return _as_found(run, status) if status["state"] == "running" else status
    except ArtifactError as error:
        return {"state": "damaged", "cause": error.message}


def _as_found(run: Run, status: dict[str, Any]) -> dict[str, Any]:
    """What the file says was so at the start; a process that was killed since could not change it."""
    found = (run_folders.CHECKPOINT.fullmatch(path.name) for path in run.checkpoints_path.glob("*"))
    steps = [int(name[1]) for name in found if name]
    state = "running" if locks.is_held(run.path) else "stopped"
    return {**status, "state": state, "step": max(steps, default=status.get("step", 0))}


def _metrics(metrics: Any) -> str:
    """Those of the test split; what a damaged file has in their place is left out."""
    test = metrics.get("test") if isinstance(metrics, dict) else None
    numbers = test.items() if isinstance(test, dict) else ()
    return "  ".join(f"{name} {value:.4g}" for name, value in numbers if isinstance(value, int | float))
