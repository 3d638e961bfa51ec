"""Starts and resumes runs: from what the user said to a run folder."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo import data, preprocessing, recipes, runs
from zoo.contracts.examples import Splits
from zoo.contracts.recipe import Recipe
from zoo.contracts.restoring import restoring
from zoo.errors import DataError, EnvironmentFault, Interrupted, UsageError, ZooError
from zoo.files import LOCAL, Disk, dump_json
from zoo.registry import Registry
from zoo.runs import Run
from zoo.runtime.sessions import why_no_file
from zoo.training import checkpoints, precision, report, setup, sharding, trees
from zoo.training.belonging import belonging
from zoo.training.checkpoints import Checkpoint
from zoo.training.distributed import Team
from zoo.training.joining import joined
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
from zoo.training.state import position_of, restore, weights_of
from zoo.training.trained import best_checkpoint, read_recipe, with_thresholds
from zoo.training.trainer import Trainer
from zoo.words import merge, parse


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
    with joined() as team:
        if team.was_restarted and _exists(run_path, team):
            # One of the processes was lost, and all of them begin anew with the same words.
            return _resume(Run(Path(run_path or "")), {}, registry, progress, disk, team)
        return _start(given, run_path, registry, progress, disk, team)


def _start(
    given: Mapping[str, Any],
    run_path: Path | None,
    registry: Registry,
    progress: Progress,
    disk: Disk,
    team: Team,
) -> Run:
    if run_path is None and team.is_several:
        raise UsageError(
            "several processes train into one folder, and must be told which", fix="add --run DIR"
        )
    if run_path is not None and team.is_first:
        runs.require_free(run_path)
    planned = plan(given, registry)
    recipe, splits = planned.recipe, planned.splits
    architecture = setup.find_architecture(recipe, registry)
    with _naming_every_picture(splits):
        fitted = preprocessing.fit(
            splits.signature, splits.train, architecture.accepts, wishes(planned, registry)
        )
        prepared = setup.prepare(recipe, fitted, splits, registry, team)
    files = {
        "recipe.toml": recipes.write(recipe).encode(),
        "environment.json": dump_json(environment(planned, fitted.to_bytes(), registry)),
        "preprocessing.onnx": fitted.to_bytes(),
        "metrics.jsonl": b"",
    }
    stem = f"{recipe.model.name}-{Path(recipe.data.name).stem}"
    with ExitStack() as stack:
        if team.is_first:
            run = stack.enter_context(runs.create(run_path, files, stem=stem, disk=disk, warn=progress.warn))
        team.wait()
        if not team.is_first:
            run = runs.find(Path(run_path or ""))
        return _fit(Trainer(run, prepared, disk, progress))


def _exists(run_path: Path | None, team: Team) -> bool:
    """Whether the run folder was made, as the first process sees it."""
    return bool(team.agree({"is_there": run_path is not None and run_path.exists()})["is_there"])


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
        EnvironmentFault: Another process trains the run, or its folder cannot be written into.
    """
    with joined() as team:
        return _resume(run, changes, registry, progress, disk, team)


def _resume(
    run: Run,
    changes: Mapping[str, Any],
    registry: Registry,
    progress: Progress,
    disk: Disk,
    team: Team,
) -> Run:
    require_plugins(run, registry)
    with ExitStack() as stack:
        if team.is_first:
            stack.enter_context(run.held(disk, progress.warn))
            run.prepare(disk)
        before = read_recipe(run)
        planned = plan(merge(before, changes), registry, begun=None if "data" in changes else run)
        checkpoint = _newest(run, progress, disk, team)
        _require_resumable(run, before, planned.recipe, checkpoint, changes)
        require_unchanged(run, planned, registry)
        fitted = load_preprocessing(run)
        with restoring(when=checkpoint is not None):
            prepared = setup.prepare(planned.recipe, fitted, planned.splits, registry, team)
        trainer = Trainer(run, prepared, disk, progress)
        if checkpoint is not None:
            with belonging(run.checkpoints_path):
                trainer.position = restore(checkpoint, prepared.players)
            _require_best(trainer)
        if team.is_first:
            _go_back(trainer, changes, disk)
        team.wait()
        return _fit(trainer)


def _newest(run: Run, progress: Progress, disk: Disk, team: Team) -> Checkpoint | None:
    """The newest whole checkpoint, the same in every process."""
    checkpoint: Checkpoint | None = None
    warnings: list[str] = []
    if team.is_first:
        with belonging(run.checkpoints_path):
            checkpoint, warnings = checkpoints.load_newest(run.checkpoints_path)
    for warning in warnings:
        progress.warn(f"{warning}; the one before it is used")
    step = team.agree({"step": None if checkpoint is None else checkpoint.step})["step"]
    if team.is_first or step is None:
        return checkpoint
    with belonging(run.checkpoints_path):
        return checkpoints.load(run.checkpoints_path, step)


def _go_back(trainer: Trainer, changes: Mapping[str, Any], disk: Disk) -> None:
    """The run folder as it was when the checkpoint was taken."""
    run, position = trainer.run, trainer.position
    if changes:
        disk.replace(run.recipe_path, recipes.write(trainer.prepared.recipe).encode())
    checkpoints.remove_above(run.checkpoints_path, position.step, disk)
    trainer.rotate()  # a process that was killed after its last save did not
    disk.truncate(run.metrics_path, position.logged_bytes)


def _require_best(trainer: Trainer) -> None:
    """The best is chosen anew where its checkpoint was lost: it could not be judged or exported."""
    position = trainer.position
    if position.best_step is None:
        return
    path = checkpoints.place(trainer.run.checkpoints_path, position.best_step)
    if not checkpoints.is_whole(path):
        trainer.progress.warn(f"{path}, the best so far, is missing or damaged; the best is chosen anew")
        position.best_step = position.best_value = position.best_loss = None


@contextmanager
def _naming_every_picture(splits: Splits) -> Iterator[None]:
    """A broken picture seldom comes alone: all of them are looked for once the first has shown up."""
    try:
        yield
    except DataError:
        data.check(splits)
        raise


def _fit(trainer: Trainer) -> Run:
    run, position = trainer.run, trainer.position
    _report(trainer, state="running", step=position.step)
    started_at = trainer.disk.monotonic()
    settings = trainer.settings
    if said := precision.describe(settings.memory_format, trainer.prepared.device, settings.precision):
        trainer.progress.note(said)
    if settings.shard and not trainer.prepared.team.is_several:
        trainer.progress.warn("shard=true has nothing to spread over: this is a single process")
    _warn_of_size(trainer)
    try:
        if trainer.prepared.team.is_first:
            trainer.prepared.registry.notify("zoo_run_started", run=run)
        trainer.fit()
    except ZooError as error:
        state = "interrupted" if isinstance(error, Interrupted) else "failed"
        with suppress(EnvironmentFault):  # on a full disk, the error itself says it
            _report(trainer, state=state, step=trainer.position.step, cause=error.message)
        raise
    trainer.prepared.team.wait()
    metrics = _judge_best(trainer)
    position = trainer.position
    _report(
        trainer,
        state="finished",
        step=position.step,
        epoch=position.epoch,
        best_step=position.best_step,
        num_skipped=position.num_skipped,
        metrics=metrics,
        training_s=round(trainer.disk.monotonic() - started_at, 3),
    )
    if trainer.prepared.team.is_first:
        trainer.disk.replace(run.report_path, report.render(run, metrics).encode())
        trainer.prepared.registry.notify("zoo_run_finished", run=run)
    return run


def _warn_of_size(trainer: Trainer) -> None:
    """Says before hours of training what the export would say after them."""
    network = trainer.prepared.players[trainer.prepared.judge.player].module
    if reason := why_no_file(sum(tensor.nbytes for tensor in network.state_dict().values())):
        trainer.progress.warn(f"this network can be trained, but not exported: {reason}")


def _report(trainer: Trainer, **status: Any) -> None:
    if trainer.prepared.team.is_first:
        trainer.run.write_status(trainer.disk, **status)


def _judge_best(trainer: Trainer) -> dict[str, dict[str, float]]:
    """Metrics of the best checkpoint on the validation and the test split."""
    prepared, best = trainer.prepared, best_checkpoint(trainer.run)
    models = trainer.answering_models()
    for name, model in models.items():
        sharding.load_state(model, weights_of(best, name))
    judge = prepared.judge.with_target(with_thresholds(prepared.judge.target, best))
    return {
        "validation": judge.judge(models, prepared.validation).metrics,
        "test": judge.judge(models, prepared.test).metrics,
    }


def _require_resumable(
    run: Run, before: Document, recipe: Recipe, checkpoint: Checkpoint | None, changes: Mapping[str, Any]
) -> None:
    after = parse(recipes.write(recipe))
    fixed = [key for key in changes if key in recipes.FIXED and before.get(key) != after.get(key)]
    if fixed:
        raise UsageError(
            f"{fixed[0]} cannot change on resume: the checkpoints belong to another training",
            fix="train a new run with it",
        )
    if checkpoint is None:
        return
    with belonging(run.checkpoints_path):
        trained: Document = trees.unflatten(checkpoint.state["recipe"], {})
        differences = recipes.differences(trained, recipe.to_json())
        done = position_of(checkpoint).epoch
    undeclared = [line for key, line in differences.items() if key.split(".")[0] not in changes]
    if undeclared:
        raise UsageError(
            f"the recipe of {run.path} is not the one it was trained with: " + "; ".join(undeclared),
            fix="put recipe.toml back, or name the change: zoo resume RUN KEY=VALUE",
        )
    epochs = recipe.settings.epochs
    if differences and epochs <= done and not epochs == done < trained["epochs"]:
        raise UsageError(
            f"{done} epochs are done, so nothing is left that could be trained with this change",
            fix=f"add epochs={done + 1} or more, or train a new run",
        )
