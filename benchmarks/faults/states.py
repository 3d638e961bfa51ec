"""Rows of other things that go wrong: clocks that go back, odd paths, and state that does not come back the same."""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.faults.crashes import KillAt, fresh
from benchmarks.faults.processes import run
from benchmarks.faults.trials import Row, Trial, ending_of, folder, spread
from benchmarks.faults.workload import Workload, outcome
from zoo.files import LOCAL
from zoo.runs import Run
from zoo.training import checkpoints
from zoo.training.state import snapshot
from zoo.training.trainer import Trainer

DAY_S = 86_400.0
ODD = (
    "ünïcödé-模型",
    "with some spaces",
    "100%-%s-%d",
    "-leading-dash",
    "two\nlines",
    "x" * 220,
    "ends.with.dots..",
    "quote'\"`$HOME",
    "a;b&c|d",
    "#hash?query=1",
    "CON",
    "~tilde",
)
EXPORTED = ODD[:5]


def clocks(workload: Workload) -> Row:
    """R10: every look at the clock shows a day less; the newest checkpoint is the one of the highest step."""
    path = fresh()
    workload.start(path)
    acts = [partial(_backwards, workload, outcome(path), step) for step in range(1, 13)]
    return Row.of(
        "R10", "a clock that goes back a day at every look, killed after each step", spread(acts), least=12
    )


def _backwards(workload: Workload, expected: str, step: int) -> Trial:
    path, now = fresh(), [time.time()]

    def earlier() -> float:
        now[0] -= DAY_S
        return now[0]

    def act() -> None:
        time.time = earlier
        workload.start(path, progress=KillAt(step))

    ended = run(act)
    causes = [] if ended.was_killed else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    places = sorted(Run(path).checkpoints_path.glob("step-*"))
    for age, place in enumerate(places):
        os.utime(place, (DAY_S * (100 - age), DAY_S * (100 - age)))
    causes += ending_of(workload, path, expected)
    shutil.rmtree(path.parent)
    return Trial(f"killed after step {step}", causes)


def round_trips(workload: Workload) -> Row:
    """R16: what is loaded and saved again is the same in every byte."""
    # It takes sparse gradients alone, and no network of the zoo has them.
    optimizers = [name for name in workload.registry.names("optimizer") if name != "sparse-adam"]
    schedules = workload.registry.names("schedule")
    acts = [
        partial(_round_trip, workload, optimizer, schedule)
        for optimizer in optimizers
        for schedule in schedules
    ]
    return Row.of(
        "R16", "loaded and saved again, every optimizer with every schedule", spread(acts), least=len(acts)
    )


def _round_trip(workload: Workload, optimizer: str, schedule: str) -> Trial:
    path, kept = fresh(), list[Trainer]()
    landed = f"{optimizer}, {schedule}"
    keys = {"optimizer": optimizer, "schedule": schedule, "epochs": 1, "accumulate": 1}
    ended = run(lambda: workload.start(path, **keys))
    if ended.code:
        return Trial(landed, [f"training ended with {ended.code}: {ended.said[-300:]}"])
    fit = Trainer.fit
    Trainer.fit = lambda trainer: kept.append(trainer)  # type: ignore[method-assign,assignment]
    try:
        workload.resume(path)
    finally:
        Trainer.fit = fit  # type: ignore[method-assign]
    again = path.parent / "again"
    again.mkdir()
    trainer = kept[0]
    loaded = snapshot(trainer.position, trainer.prepared.players, trainer.prepared.recipe)
    checkpoints.save(again, loaded, LOCAL)
    place = checkpoints.place(again, trainer.position.step)
    first = Run(path).checkpoints_path / place.name
    names = sorted(each.name for each in first.iterdir())
    causes = [
        f"{name} differs" for name in names if (place / name).read_bytes() != (first / name).read_bytes()
    ]
    shutil.rmtree(path.parent)
    return Trial(landed, causes)


def odd_paths(workload: Workload) -> Row:
    """R18: train and resume in folders with odd names; export and predict too, as commands, in some of them."""
    path = fresh()
    workload.start(path)
    acts = [partial(_odd, workload, outcome(path), name) for name in ODD]
    title = "train, resume, export and predict in folders with odd names"
    return Row.of("R18", title, spread(acts), least=len(ODD) + len(EXPORTED))


def _odd(workload: Workload, expected: str, name: str) -> list[Trial]:
    place = folder() / name
    place.mkdir()
    run(lambda: workload.start(place / name, progress=KillAt(5)))
    trials = [Trial(f"train and resume in {name[:20]!r}", ending_of(workload, place / name, expected))]
    if name in EXPORTED:
        shutil.copy(workload.data, place / "rows.npz")
        # A word that begins with a dash is an option for every command there is; ./ makes it a path.
        commands = (["export", f"./{name}"], ["predict", f"./{name}/model.onnx", "rows.npz"])
        causes = [cause for words in commands for cause in _command(words, place)]
        trials.append(Trial(f"export and predict in {name[:20]!r}", causes))
    shutil.rmtree(place.parent)
    return trials


def _command(words: list[str], place: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from zoo.cli import main; main()", *words],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    return [] if done.returncode == 0 else [f"exit {done.returncode}: {done.stderr[-300:]}"]
