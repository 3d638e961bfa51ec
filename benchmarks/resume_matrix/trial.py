"""One cell: a run that never stops, the same run stopped in the middle and resumed, and what differs."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import torch

from benchmarks.resume_matrix.design import Cell
from zoo.errors import EnvironmentFault, Interrupted, NumericsError, PluginError, UsageError
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import checkpoints, session
from zoo.training.progress import Progress
from zoo.training.state import snapshot
from zoo.training.trainer import Trainer

REFUSED = (
    "SparseAdam does not support dense gradients",
    "could not create a primitive descriptor for the LSTM",
    "deterministic=true cannot be kept here",
)
"""What PyTorch does not have. Any other error of a step is a fault, not a training that there is not."""


@dataclass(frozen=True)
class Outcome:
    """What came of a cell.

    Attributes:
        cell: In words.
        differing: What is not the same in every byte; nothing where all is.
        refused: Why there is no such training, in Zoo's words.
        rewrote: Whether a checkpoint was loaded and written again on the way.
    """

    cell: str
    differing: list[str] = field(default_factory=list)
    refused: str = ""
    rewrote: bool = False


class Crash(BaseException):
    """Ends the program where it stands, and nothing is saved."""


class StopAt(Progress):
    """Ends training at one step."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step, self.act = step, act

    def stepped(self, step: int, num_examples: int, losses: object) -> None:
        """Acts when the step is done."""
        if step == self.step:
            self.act()


def terminate() -> None:
    """As a scheduler does; the state is saved at the end of the step."""
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    """As a power cut does."""
    raise Crash


def attempt(cell: Cell, data: Path) -> Outcome:
    """Trains the cell twice, once of them in two pieces, and compares."""
    with TemporaryDirectory() as place:
        return _attempt(cell, cell.recipe(data), Path(place), installed())


def _attempt(cell: Cell, recipe: dict[str, object], place: Path, registry: Registry) -> Outcome:
    try:
        whole = session.start(recipe, run_path=place / "whole", registry=registry, progress=Progress())
    except (UsageError, NumericsError) as error:
        return Outcome(str(cell), refused=error.message)
    except (PluginError, EnvironmentFault) as error:
        if any(reason in error.message for reason in REFUSED):
            return Outcome(str(cell), refused=error.message)
        return Outcome(str(cell), [f"it cannot be trained: {error.message}"])
    run, differing = Run(place / "run"), list[str]()
    num_steps = whole.status()["step"]
    stop = StopAt(1 + cell.place % (num_steps - 1), crash if cell.crashes else terminate)
    # Files are read and decoded by as many threads as there are cores: here by one.
    with one_core(), suppress(Interrupted, Crash):
        session.start(recipe, run_path=run.path, registry=registry, progress=stop)
        differing.append("it was never stopped")
    rewrote = any(run.checkpoints_path.glob("step-*"))
    with rewriting(differing):
        session.resume(run, {}, registry=registry, progress=Progress())
    expected, found = outcome(whole), outcome(run)
    differing += [name for name in expected | found if expected.get(name) != found.get(name)]
    return Outcome(str(cell), sorted(differing), rewrote=rewrote)


def outcome(run: Run) -> dict[str, bytes]:
    """Everything that training decides: weights, averages, optimizer state, counters, log, metrics, pictures."""
    status = run.status()
    steps = {"last": status["step"], "best": status["best_step"]}
    files = {
        f"{which} checkpoint, {path.name}": path.read_bytes()
        for which, step in steps.items()
        for path in checkpoints.place(run.checkpoints_path, step).iterdir()
    }
    files |= {path.name: path.read_bytes() for path in run.path.glob("samples-*.png")}
    facts = {name: repr(status[name]).encode() for name in ("state", "step", "best_step", "metrics")}
    return {**files, **facts, "metrics.jsonl": run.metrics_path.read_bytes()}


@contextmanager
def one_core() -> Iterator[None]:
    """This process has one core of those it had."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def rewriting(differing: list[str]) -> Iterator[None]:
    """A checkpoint that is resumed is written again before the first step, and must be the same."""
    fit = Trainer.fit

    def fit_on(trainer: Trainer) -> None:
        path = checkpoints.place(trainer.run.checkpoints_path, trainer.position.step)
        if path.exists():
            loaded = snapshot(trainer.position, trainer.prepared.players, trainer.prepared.recipe)
            again = checkpoints.pack(loaded)
            differing.extend(
                f"{each.name} loaded and saved"
                for each in path.iterdir()
                if each.read_bytes() != again.get(each.name)
            )
        fit(trainer)

    with mock.patch.object(Trainer, "fit", fit_on):
        yield


@cache
def installed() -> Registry:
    """What is installed, found once in a process."""
    return Registry.discover()


def prepare() -> None:
    """What a process that attempts cells does first."""
    torch.set_num_threads(1)
