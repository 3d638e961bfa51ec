"""One fault, what came of it, and the row of a table that many of them make."""

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.disks import CountingDisk
from benchmarks.faults.processes import Ended, Process, run
from benchmarks.faults.workload import Workload, outcome
from zoo.runs import Run
from zoo.training import checkpoints

SHOWN_CAUSES, LENGTH = 5, 300
_PLACE = re.compile(r"[^\s'\"]*/(trial-|tmp)\w+/")


@dataclass(frozen=True)
class Trial:
    """One fault.

    Attributes:
        landed: Where it landed.
        causes: What was wrong afterwards; nothing where it was survived.
    """

    landed: str
    causes: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether nothing was wrong."""
        return not self.causes


@dataclass
class Row:
    """Faults of one kind.

    Attributes:
        row: Its short name.
        title: What was done.
        survived: How many were survived.
        tried: How many landed.
        landed: Where, with how often.
        causes: The first few of what was wrong.
    """

    row: str
    title: str
    survived: int = 0
    tried: int = 0
    landed: dict[str, int] = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, row: str, title: str, trials: Iterable[Trial], *, least: int = 1) -> "Row":
        """Counts; a row whose faults landed at fewer than ``least`` places is short, and says so as a cause."""
        done = list(trials)
        causes = [f"{each.landed}: {brief(cause)}" for each in done for cause in each.causes]
        landed = Counter(each.landed for each in done)
        if len(landed) < least:
            causes.insert(0, f"short: faults landed at {len(landed)} places, not {least}")
        survived = sum(each.survived for each in done)
        return cls(row, title, survived, len(done), dict(landed), causes[:SHOWN_CAUSES])

    @property
    def is_whole(self) -> bool:
        """Whether every fault was survived and the coverage is what it should be."""
        return self.tried > 0 and self.survived == self.tried and not self.causes

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def brief(cause: str) -> str:
    """A cause in one line: of a traceback its last, and paths without the trial's folder."""
    lines = [line.strip() for line in cause.splitlines() if line.strip()] or [""]
    if "File " in cause or "^^^" in cause:
        lines = [f"{lines[0].partition(': ')[0]}: {lines[-1]}"]
    return _PLACE.sub("", " / ".join(lines))[:LENGTH]


def spread(acts: Iterable[Callable[[], Trial | list[Trial]]], width: int = 0) -> list[Trial]:
    """Runs trials in processes of their own, as many at once as there are cores."""
    width = width or len(os.sched_getaffinity(0))
    waiting, running, done = list(acts), [], []
    while waiting or running:
        while waiting and len(running) < width:
            running.append(Process(_telling(waiting.pop(0))))
        ended = running.pop(0).wait(600)
        if ended.code:
            done.append(Trial("nowhere", [f"the trial itself ended with {ended.code}: {ended.said[-2000:]}"]))
        else:
            done += [Trial(**each) for each in json.loads(ended.said)]
    return done


def judge(
    workload: Workload, path: Path, expected: str, landed: str, ended: Ended, codes: Iterable[int]
) -> Trial:
    """What is wrong after a fault; at the end of it the run was resumed to its end, or made again."""
    causes = []
    if ended.code not in codes:
        causes.append(f"it ended with {ended.code}: {ended.said[-500:]}")
    causes += state_of(path)
    causes += ending_of(workload, path, expected)
    return Trial(landed, causes)


def state_of(path: Path) -> list[str]:
    """What is committed and not whole."""
    folder = Run(path).checkpoints_path
    places = [checkpoints.place(folder, step) for step in checkpoints.steps(folder)]
    return [f"{place.name} is committed and damaged" for place in places if not checkpoints.is_whole(place)]


def ending_of(workload: Workload, path: Path, expected: str) -> list[str]:
    """What is wrong when the run goes on to its end."""
    again = run(lambda: workload.proceed(path))
    if again.code:
        return [f"going on ended with {again.code}: {again.said[-500:]}"]
    left = sorted(each.name for each in path.rglob(".*") if each.name != ".lock")
    causes = [f"{name} is left lying about" for name in left]
    return causes if outcome(path) == expected else [*causes, "it ends in other bytes"]


def folder() -> Path:
    """A new folder for one trial."""
    return Path(tempfile.mkdtemp(prefix="trial-", dir=os.environ.get("FAULTS_FOLDER")))


def operations(act: Callable[[CountingDisk], Any], root: Path) -> list[str]:
    """Names of the operations of one undisturbed act, in order."""
    disk = CountingDisk()
    act(disk)
    return [operation.named(root) for operation in disk.trace]


def _telling(act: Callable[[], Trial | list[Trial]]) -> Callable[[], str]:
    def tell() -> str:
        trials = act()
        return json.dumps([asdict(each) for each in ([trials] if isinstance(trials, Trial) else trials)])

    return tell
