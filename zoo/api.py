"""The Python API, with the words of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import exporting, runs
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


def evaluate(
    run_or_model: Run | str | Path, *, data: Source | None = None, registry: Registry | None = None
) -> Evaluation:
    """Judges a run on its own test split or, with ``data``, a run or an ``.onnx`` file on every row given.

    Raises:
        ZooError: The data does not fit, or the artifact is damaged.
    """
    registry = registry or Registry.discover()
    source = None if data is None else _plain(data)
    if not isinstance(run_or_model, Run) and Path(run_or_model).suffix == ".onnx":
        return evaluate_model(Path(run_or_model), source, registry)
    return evaluate_run(_run(run_or_model), source, registry)


def _run(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else runs.find(run)


def _plain(data: Source) -> dict[str, Any]:
    return dict(data) if isinstance(data, Mapping) else {"name": str(data)}
