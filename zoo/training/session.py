"""Starts and resumes runs: from what the user said to a run folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo import data, preprocessing, recipes, runs
from zoo.contracts.examples import Splits
from zoo.contracts.recipe import Recipe
from zoo.errors import DataError, Interrupted, UsageError, ZooError
from zoo.files import LOCAL, Disk, dump_json
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import checkpoints, report, setup
from zoo.training.belonging import belonging
from zoo.training.checkpoints import Checkpoint
from zoo.training.planning import (
    Document,
    environment,
    load_preprocessing,
    plan,
    require_plugins,
    require_unchanged,
    wishes,
)
from zoo.training.progress import Progress
from zoo.training.trained import best_checkpoint, read_recipe, with_thresholds
from zoo.training.trainer import Trainer, weights_of
from zoo.words import merge


def start(
    given: Mapping[str, Any],
    *,
    run_path: Path | None,
    registry: Registry,
    progress: Progress,
    disk: Disk = LOCAL,
) -> Run:
    """Trains a new run from what the user said.

    The recipe, the data and the network are all checked before the run folder is made.

    Raises:
        ZooError: Anything that is wrong; each kind has its exit code.
    """
    if run_path is not None:
        runs.require_free(run_path)
    planned = plan(given, registry)
    recipe, splits = planned.recipe, planned.splits
    architecture = setup.find_architecture(recipe, registry)
    with _naming_every_picture(splits):
        fitted = preprocessing.fit(
            splits.signature, splits.train, architecture.accepts, wishes(planned, registry)
        )
        prepared = setup.prepare(recipe, fitted, splits, registry)
    files = {
        "recipe.toml": recipes.write(recipe).encode(),
        "environment.json": dump_json(environment(planned, fitted.to_bytes(), registry)),
        "preprocessing.onnx": fitted.to_bytes(),
        "metrics.jsonl": b"",
    }
    stem = f"{recipe.model.name}-{Path(recipe.data.name).stem}"
    run = runs.create(run_path, files, stem=stem, disk=disk)
    trainer = Trainer(run, prepared, disk, progress)
    return _fit(trainer)


def resume(
    run: Run, changes: Mapping[str, Any], *, registry: Registry, progress: Progress, disk: Disk = LOCAL
) -> Run:
    """Continues a run from its newest whole checkpoint, to the same end as if it had never stopped.

    Args:
        run: The run folder.
        changes: Recipe keys to change from here on, for example ``{"epochs": 50}``.
        registry: Where names are looked up.
        progress: What is shown.
        disk: Where files are written.

    Raises:
        UsageError: The recipe, the data or a plugin changed without being named in ``changes``.
        ArtifactError: No checkpoint is whole.
    """
    require_plugins(run, registry)
    with belonging(run.checkpoints_path):
        checkpoint, warnings = checkpoints.load_newest(run.checkpoints_path)
    for warning in warnings:
        progress.warn(f"{warning}; the one before it is used")
    before = read_recipe(run)
    planned = plan(merge(before, changes), registry, begun=None if "data" in changes else run)
    recipe, splits = planned.recipe, planned.splits
    _require_resumable(run, before, recipe, checkpoint, changes)
    require_unchanged(run, planned, registry)
    fitted = load_preprocessing(run)
    trainer = Trainer(run, setup.prepare(recipe, fitted, splits, registry), disk, progress)
    if changes:
        disk.replace(run.recipe_path, recipes.write(recipe).encode())
    if checkpoint is not None:
        checkpoints.remove_above(run.checkpoints_path, checkpoint.step, disk)
        with belonging(run.checkpoints_path):
            trainer.restore(checkpoint)
    disk.truncate(run.metrics_path, trainer.position.logged_bytes)
    return _fit(trainer)


@contextmanager
def _naming_every_picture(splits: Splits) -> Iterator[None]:
    """A broken picture seldom comes alone: all of them are looked for once the first has shown up."""
    try:
        yield
    except DataError:
        data.check(splits)
        raise


def _fit(trainer: Trainer) -> Run:
    run, registry = trainer.run, trainer.prepared.registry
    run.write_status(trainer.disk, state="running", step=trainer.position.step)
    started_at = trainer.disk.monotonic()
    try:
        registry.notify("zoo_run_started", run=run)
        trainer.fit()
    except ZooError as error:
        state = "interrupted" if isinstance(error, Interrupted) else "failed"
        run.write_status(trainer.disk, state=state, step=trainer.position.step, cause=error.message)
        raise
    metrics = _judge_best(trainer)
    run.write_status(
        trainer.disk,
        state="finished",
        step=trainer.position.step,
        epoch=trainer.position.epoch,
        best_step=trainer.position.best_step,
        metrics=metrics,
        training_s=round(trainer.disk.monotonic() - started_at, 3),
    )
    trainer.disk.replace(run.report_path, report.render(run, metrics).encode())
    registry.notify("zoo_run_finished", run=run)
    return run


def _judge_best(trainer: Trainer) -> dict[str, dict[str, float]]:
    """Metrics of the best checkpoint on the validation and the test split."""
    prepared, best = trainer.prepared, best_checkpoint(trainer.run)
    models = trainer.answering_models()
    for name, model in models.items():
        model.load_state_dict(weights_of(best, name))
    judge = prepared.judge.with_target(with_thresholds(prepared.judge.target, best))
    return {
        "validation": judge.judge(models, prepared.validation).metrics,
        "test": judge.judge(models, prepared.test).metrics,
    }


def _require_resumable(
    run: Run, before: Document, recipe: Recipe, checkpoint: Checkpoint | None, changes: Mapping[str, Any]
) -> None:
    fixed = [key for key in changes if key in recipes.FIXED]
    if fixed:
        raise UsageError(
            f"{fixed[0]} cannot change on resume: the checkpoints belong to another training",
            fix="train a new run with it",
        )
    if checkpoint is None:
        return
    with belonging(run.checkpoints_path):
        trained: Document = checkpoints.unflatten(checkpoint.state["recipe"], {})
        differences = recipes.differences(trained, recipe.to_json())
    undeclared = [line for key, line in differences.items() if key.split(".")[0] not in changes]
    if undeclared:
        raise UsageError(
            f"the recipe of {run.path} is not the one it was trained with: " + "; ".join(undeclared),
            fix="put recipe.toml back, or name the change: zoo resume RUN KEY=VALUE",
        )
