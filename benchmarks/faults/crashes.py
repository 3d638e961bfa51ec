"""Rows of sudden ends: killed at any moment, at every operation, with half a file written, and without power."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.disks import CountingDisk, KillingDisk, TearingDisk
from benchmarks.faults.power import CachedDisk
from benchmarks.faults.processes import Process, run
from benchmarks.faults.rules import violations
from benchmarks.faults.trials import Row, Trial, ending_of, folder, judge, operations, spread, state_of
from benchmarks.faults.workload import Workload, outcome
from zoo.runs import Run
from zoo.training import checkpoints
from zoo.training.progress import Progress

KILLED = (-signal.SIGKILL,)
LONG = {"epochs": 8}


class KillAt(Progress):
    """SIGKILL after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, step: int, *_: object) -> None:
        """Ends this process."""
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_at_random(workload: Workload, num_runs: int, num_kills: int) -> Row:
    """R1."""
    expected, length_s = _undisturbed(workload)
    acts = [
        partial(_kill_again_and_again, workload, expected, length_s, num_kills, seed)
        for seed in range(num_runs)
    ]
    return Row.of("R1", f"SIGKILL at a random moment, {num_kills} times a run", spread(acts), least=5)


def _undisturbed(workload: Workload) -> tuple[str, float]:
    path = folder() / "run"
    started_at = time.monotonic()
    run(lambda: workload.start(path, **LONG))
    return outcome(path), time.monotonic() - started_at


def _kill_again_and_again(
    workload: Workload, expected: str, length_s: float, num_kills: int, seed: int
) -> list[Trial]:
    """One run; where a kill came too late, the run begins anew, so that every kill counted is one that landed."""
    chance, path, trials = random.Random(seed), folder() / "run", list[Trial]()  # noqa: S311
    while len(trials) < num_kills:
        act = workload.resume if path.exists() else partial(workload.start, **LONG)
        process = Process(partial(act, path))
        time.sleep(chance.uniform(0, length_s))
        if process.has_ended():
            ended = process.wait()
            trials += [Trial("too late", [f"it ended with {ended.code}: {ended.said}"])] if ended.code else []
            shutil.rmtree(path)
            continue
        process.send(signal.SIGKILL)
        process.wait()
        trials.append(Trial(_where(path), state_of(path)))
    if not path.exists():
        run(lambda: workload.start(path, **LONG))
    if causes := ending_of(workload, path, expected):
        trials = [Trial(each.landed, [*each.causes, *causes]) for each in trials]
    shutil.rmtree(path.parent)
    return trials


def _where(path: Path) -> str:
    """What a killed process was at, as its folder shows it."""
    if not path.exists():
        return "before the run folder"
    names = [each.name for each in Run(path).checkpoints_path.iterdir()]
    for prefix, place in ((".writing", "inside a save"), (".removed", "inside a rotation")):
        if any(name.startswith(prefix) for name in names):
            return place
    if any(path.glob(".*.[0-9]*")):
        return "inside a replacement"
    if any(name.startswith(".probe") for name in names):
        return "inside a probe"
    steps = checkpoints.steps(Run(path).checkpoints_path)
    return f"after the checkpoint of step {max(steps)}" if steps else "before the first checkpoint"


Act = Callable[..., object]


def killed_at_every_operation(workload: Workload) -> list[Row]:
    """R2: of a run from its start; R3: of one that is resumed the third time within an epoch."""
    return [
        *_enumerated(workload, "R2", "of a run", fresh, workload.start),
        *_enumerated(workload, "R3", "of a third resume", partial(stopped_twice, workload), workload.resume),
    ]


def _enumerated(
    workload: Workload, row: str, of_what: str, prepare: Callable[[], Path], act: Act
) -> Iterator[Row]:
    path = prepare()
    names = operations(partial(act, path), path)
    expected = outcome(path)
    every = range(1, len(names) + 1)
    # What the lock file says is for people to read.
    writes = [k for k in every if names[k - 1].startswith("write ") and not names[k - 1].endswith(".lock")]
    for title, make, ks in (
        ("SIGKILL before every operation", KillingDisk, every),
        ("SIGKILL with every file half written", TearingDisk, writes),
    ):
        acts = [partial(_end_at, workload, names, expected, prepare, act, make, k) for k in ks]
        least = len({names[k - 1] for k in ks})
        yield Row.of(row, f"{title} {of_what}", spread(acts), least=least)


def _end_at(
    workload: Workload,
    names: Sequence[str],
    expected: str,
    prepare: Callable[[], Path],
    act: Act,
    make: type[KillingDisk] | type[TearingDisk],
    k: int,
) -> Trial:
    path = prepare()
    ended = run(lambda: act(path, make(k=k)))
    trial = judge(workload, path, expected, names[k - 1], ended, KILLED)
    shutil.rmtree(path.parent)
    return trial


def fresh() -> Path:
    return folder() / "run"


def stopped_twice(workload: Workload) -> Path:
    """A run that was killed in its first epoch, resumed, and killed again in the same epoch."""
    path = folder() / "run"
    run(lambda: workload.start(path, progress=KillAt(3)))
    run(lambda: workload.resume(path, progress=KillAt(3)))
    return path


def without_power(workload: Workload) -> list[Row]:
    """R9: the order of operations, and what a power cut at each of them leaves."""
    return [_in_order(workload), *_cut(workload)]


def _in_order(workload: Workload) -> Row:
    acts: dict[str, tuple[Path, Act]] = {
        "train": (fresh(), workload.start),
        "resume": (stopped_twice(workload), workload.resume),
    }
    trials = []
    for name, (path, act) in acts.items():
        disk = CountingDisk()
        act(path, disk)
        trials += [Trial(f"{name}: {each.named(path)}") for each in disk.trace]
        trials += [Trial(name, [each]) for each in violations(disk.trace)]
    return Row.of("R9", "content on disk before its rename, the folder after: every operation", trials)


def _cut(workload: Workload) -> Iterator[Row]:
    path = fresh()
    names = operations(partial(workload.start, path), path)
    expected = outcome(path)
    for keeps in ("synced", "names"):
        acts = [
            partial(_cut_at, workload, [*names, "the end"], expected, keeps, k)
            for k in range(1, len(names) + 2)
        ]
        what = "what was not synchronised" if keeps == "synced" else "half of what was not synchronised"
        yield Row.of("R9", f"simulated power cut at every operation, which loses {what}", spread(acts))


def _cut_at(workload: Workload, names: Sequence[str], expected: str, keeps: str, k: int) -> Trial:
    path = fresh()
    ended = run(lambda: power_cut(workload, path, keeps, k))
    trial = judge(workload, path, expected, names[k - 1], ended, KILLED)
    shutil.rmtree(path.parent)
    return trial


def power_cut(workload: Workload, path: Path, keeps: str, k: int) -> None:
    """Trains until the power goes; after the last operation at the latest."""
    disk = CachedDisk(root=path.parent, k=k, keeps=keeps)  # type: ignore[arg-type]
    workload.start(path, disk)
    disk.cut()
    os.kill(os.getpid(), signal.SIGKILL)
