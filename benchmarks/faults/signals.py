"""R7: SIGINT and SIGTERM at any moment, once and twice. R8: two processes on one run folder."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.faults.crashes import LONG
from benchmarks.faults.disks import CountingDisk
from benchmarks.faults.processes import Process, run
from benchmarks.faults.trials import Row, Trial, ending_of, folder, operations, spread, state_of
from benchmarks.faults.workload import Workload, outcome
from zoo.runs import Run
from zoo.training.evaluation import Judge
from zoo.training.progress import Progress

LIMIT_S = 10.0
IN_USE = 6
SIGTERM_ONCE, SIGINT_TWICE = (signal.SIGTERM, 1), (signal.SIGINT, 2)
# Before training began nothing catches SIGTERM, and nothing is lost: a shell calls that 143 too.
CODES = {signal.SIGINT: {0, 130}, signal.SIGTERM: {0, 143, -signal.SIGTERM}}


def signalled(workload: Workload, num_each: int) -> Iterator[Row]:
    """R7."""
    path = folder() / "run"
    started_at = time.monotonic()
    run(lambda: workload.start(path, **LONG))
    length_s, expected = time.monotonic() - started_at, outcome(path)
    acts = [
        partial(_at_random, workload, expected, length_s, number, times, seed)
        for number in CODES
        for times in (1, 2)
        for seed in range(num_each)
    ]
    yield Row.of("R7", "SIGINT and SIGTERM at a random moment, once and twice", spread(acts), least=4)
    yield _during_validation(workload)
    yield _during_saves(workload)


def _at_random(
    workload: Workload, expected: str, length_s: float, number: signal.Signals, times: int, seed: int
) -> Trial:
    path = folder() / "run"
    chance = random.Random(1000 * times + seed)  # noqa: S311
    process = Process(lambda: workload.start(path, **LONG))
    time.sleep(chance.uniform(0, length_s))
    sent_at = time.monotonic()
    for _ in range(times):
        if not process.has_ended():
            process.send(number)
        time.sleep(chance.uniform(0, 0.005))
    ended = process.wait()
    causes = [] if ended.code in CODES[number] else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    if time.monotonic() - sent_at > LIMIT_S:
        causes.append(f"it took {time.monotonic() - sent_at:.1f} s to end")
    landed = f"{number.name} x {times}, {_state(path, ended.code)}"
    causes += state_of(path)
    if not path.exists():
        run(lambda: workload.start(path, **LONG))
    causes += ending_of(workload, path, expected)
    shutil.rmtree(path.parent)
    return Trial(landed, causes)


def _state(path: Path, code: int) -> str:
    if not path.exists():
        return "before the run folder"
    if not Run(path).status_path.exists():
        return "as the run folder was made"
    return "after the end" if code == 0 else str(Run(path).status()["state"])


@dataclass
class SignallingDisk(CountingDisk):
    """A signal comes before the k-th operation, as often as is said."""

    k: int = 0
    number: int = signal.SIGTERM
    times: int = 1

    def before(self, number: int, operation: str, path: Path) -> None:
        """Sends it to this process."""
        if number == self.k:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


def _during_saves(workload: Workload) -> Row:
    path = folder() / "run"
    names = operations(partial(workload.start, path), path)
    expected = outcome(path)
    first = next(k for k, name in enumerate(names, 1) if ".writing-" in name)
    acts = [
        partial(_in_save, workload, expected, names[k - 1], k, *(SIGTERM_ONCE if k % 2 else SIGINT_TWICE))
        for k in range(first, len(names) + 1)
    ]
    title = "SIGTERM, or SIGINT twice, in turn at every operation from the first save on"
    return Row.of("R7", title, spread(acts))


def _in_save(
    workload: Workload, expected: str, name: str, k: int, number: signal.Signals, times: int
) -> Trial:
    path = folder() / "run"
    ended = run(lambda: workload.start(path, SignallingDisk(k=k, number=number, times=times)))
    causes = [] if ended.code in CODES[number] else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    causes += [*state_of(path), *ending_of(workload, path, expected)]
    shutil.rmtree(path.parent)
    return Trial(f"{number.name} x {times}: {name}", causes)


def _during_validation(workload: Workload) -> Row:
    path = folder() / "run"
    workload.start(path)
    acts = [
        partial(_in_validation, workload, outcome(path), number, call)
        for number in CODES
        for call in range(1, 4)
    ]
    return Row.of("R7", "a signal during each validation", spread(acts), least=6)


def _in_validation(workload: Workload, expected: str, number: signal.Signals, call: int) -> Trial:
    path, calls, judge = folder() / "run", [0], Judge.judge

    def interrupted(self: Judge, *arguments: object, **keys: object) -> object:
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), number)
        return judge(self, *arguments, **keys)  # type: ignore[arg-type]

    def act() -> None:
        Judge.judge = interrupted  # type: ignore[method-assign,assignment]
        workload.start(path)

    ended = run(act)
    causes = [] if ended.code in CODES[number] - {0} else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    causes += [*state_of(path), *ending_of(workload, path, expected)]
    shutil.rmtree(path.parent)
    return Trial(f"{number.name}, validation {call}", causes)


def two_at_once(workload: Workload, num_pairs: int) -> Row:
    """R8."""
    path = folder() / "run"
    workload.start(path, **LONG)
    expected = outcome(path)
    acts = [
        partial(pair, workload, expected, seed)
        for pair in (_two_starts, _two_resumes, _after_the_holder)
        for seed in range(num_pairs)
    ]
    title = "two trainings of one folder, two resumes of one run, a resume after SIGKILL of the holder"
    return Row.of("R8", title, spread(acts, width=1), least=3)


class Waiting(Progress):
    """Waits after a step until a file is there, so that the other process meets a run at work."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def stepped(self, *_: object) -> None:
        """Waits; two that both hold the run would both wait to the limit, and both end well."""
        deadline = time.monotonic() + LIMIT_S
        while not self.flag.exists() and time.monotonic() < deadline:
            time.sleep(0.005)


def _two_starts(workload: Workload, expected: str, seed: int) -> Trial:
    path = folder() / "run"
    progress = Waiting(path.parent / "flag")
    act = partial(workload.start, path, progress=progress, **LONG)
    return _two(workload, expected, path, act, "two trainings")


def _two_resumes(workload: Workload, expected: str, seed: int) -> Trial:
    path = _killed(workload)
    act = partial(workload.resume, path, progress=Waiting(path.parent / "flag"))
    return _two(workload, expected, path, act, "two resumes")


def _two(workload: Workload, expected: str, path: Path, act: Callable[[], object], name: str) -> Trial:
    pair = [Process(act), Process(act)]
    while not any(process.has_ended() for process in pair):
        time.sleep(0.005)
    (path.parent / "flag").touch()
    ends = [(process.pid, process.wait()) for process in pair]
    winners = [pid for pid, ended in ends if ended.code == 0]
    losers = [ended for _, ended in ends if ended.code == IN_USE]
    causes = []
    if len(winners) != 1 or len(losers) != 1:
        causes.append(
            f"they ended with {[ended.code for _, ended in ends]}: {[e.said[-300:] for _, e in ends]}"
        )
    elif f"is in use by process {winners[0]} on " not in losers[0].said:
        causes.append(f"the holder {winners[0]} is not named: {losers[0].said}")
    causes += ending_of(workload, path, expected)
    shutil.rmtree(path.parent)
    return Trial(name, causes)


def _after_the_holder(workload: Workload, expected: str, seed: int) -> Trial:
    path = _killed(workload)
    trial = Trial("after SIGKILL of the holder", ending_of(workload, path, expected))
    shutil.rmtree(path.parent)
    return trial


def _killed(workload: Workload) -> Path:
    path = folder() / "run"
    process = Process(lambda: workload.start(path, **LONG))
    while not any(Run(path).checkpoints_path.glob("step-*")):
        time.sleep(0.002)
    process.send(signal.SIGKILL)
    process.wait()
    return path
