"""The Python API, with the words of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import exporting, models, runs
from zoo.distributions import wheels
from zoo.distributions.names import Name, spelled
from zoo.distributions.wheels import Packaged
from zoo.errors import UsageError
from zoo.exporting import Exported
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import session
from zoo.training.evaluating import Evaluation, evaluate_model, evaluate_run
from zoo.training.progress import Progress
from zoo.words import merge

Source = str | Path | Mapping[str, Any]


def train(
    model: str | Mapping[str, Any],
    *,
    data: Source,
    run: str | Path | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
    **keys: Any,
) -> Run:
    """Trains a network; the keys are the recipe's.

    Args:
        model: Name of an architecture, or a table with ``name`` and options.
        data: A data set of the zoo or a path, or a table with ``name`` and options.
        run: The run folder; ``runs/NAME-N`` by default.
        registry: The plugins to use; the installed ones by default.
        progress: What is shown; nothing by default.
        **keys: For example ``epochs=20``, ``optimizer={"name": "sgd", "lr": 0.1}``.

    Raises:
        ZooError: Anything that is wrong; see ``zoo.errors``.
    """
    given = merge({"model": model, "data": _plain(data)}, keys)
    return session.start(
        given,
        run_path=None if run is None else Path(run),
        registry=registry or Registry.discover(),
        progress=progress or Progress(),
    )


def resume(
    run: Run | str | Path,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Run:
    """Continues a run from its newest checkpoint; ``changes`` such as ``epochs=50`` hold from here on.

    Raises:
        ZooError: The run is damaged, or something it depends on changed.
    """
    return session.resume(
        _run(run), changes, registry=registry or Registry.discover(), progress=progress or Progress()
    )


def export(
    run: Run | str | Path, output: str | Path | None = None, *, registry: Registry | None = None
) -> Exported:
    """Writes a run's network as one certified ONNX file; ``RUN/model.onnx`` by default.

    Raises:
        VerificationError: The file would not equal what was trained; nothing is written.
    """
    target = None if output is None else Path(output)
    return exporting.export(_run(run), target, registry=registry or Registry.discover())


def package(
    run_or_model: Run | str | Path,
    *,
    name: str | None = None,
    version: str = "1.0.0",
    licence: str = "",
    output: str | Path = "dist",
    registry: Registry | None = None,
) -> Packaged:
    """Builds a wheel of a run's exported model, or of an ``.onnx`` file; a run without one is exported first.

    Args:
        run_or_model: The run, or a file that Zoo exported.
        name: The distribution's name, ``zoo-`` and that of the model; by default that of the run or file.
        version: The distribution's version.
        licence: SPDX expression; none if empty.
        output: The folder that the wheel goes into.
        registry: The plugins to use where the run must be exported; the installed ones by default.

    Raises:
        UsageError: A name or version is not one, or the run was trained on after its export.
        ZooError: The run cannot be exported, or the model is damaged.
    """
    place = run_or_model.path if isinstance(run_or_model, Run) else Path(run_or_model)
    is_file = place.suffix == models.SUFFIX
    chosen = Name.parse(name if name is not None else spelled(_called(place.resolve(), is_file)))
    model = place if is_file else _exported(_run(place), registry)
    return wheels.build(model, chosen, version, into=Path(output), licence=licence)


def evaluate(
    run_or_model: Run | str | Path, *, data: Source | None = None, registry: Registry | None = None
) -> Evaluation:
    """Judges a run on its own test split or, with ``data``, a run or an exported model on every row given.

    A model is an ``.onnx`` file or the name of an installed one.

    Raises:
        ZooError: The data does not fit, or the artifact is damaged.
    """
    registry = registry or Registry.discover()
    source = None if data is None else _plain(data)
    if isinstance(run_or_model, Run):
        return evaluate_run(run_or_model, source, registry)
    place = Path(run_or_model)
    if not place.exists() and models.is_offered(run_or_model, registry):
        place = models.find(run_or_model, registry)
    if place.suffix == models.SUFFIX:
        return evaluate_model(place, source, registry)
    try:
        run = runs.find(place)
    except UsageError as error:
        error.fix += f"; of models: {models.suggest(run_or_model, registry)}"
        raise
    return evaluate_run(run, source, registry)


def _called(place: Path, is_file: bool) -> str:
    """What a run is called, or a model: in a run's folder, all are called the same."""
    if not is_file:
        return place.name
    return place.parent.name if Run(place.parent).model_path == place else place.stem


def _exported(run: Run, registry: Registry | None) -> Path:
    """The run's model file, which is written if there is none."""
    if not run.model_path.exists():
        return export(run, registry=registry).path
    if run.status_path.stat().st_mtime > run.model_path.stat().st_mtime:
        raise UsageError(
            f"{run.path} was trained on after its model was exported",
            fix=f"zoo export {run.path}; or package the file as it is: zoo package {run.model_path}",
        )
    return run.model_path


def _run(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else runs.find(run)


def _plain(data: Source) -> dict[str, Any]:
    return dict(data) if isinstance(data, Mapping) else {"name": str(data)}
