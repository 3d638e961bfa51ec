"""Lets workers take turns and makes figures of what they measured."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from benchmarks.loops.works import WORKS, Work

LIMIT = "limit"
NUM_COUNTED = 40
Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A loop, with PyTorch's default Adam or the fused one."""

    loop: str
    fused: bool
    device: str = "cpu"

    @property
    def name(self) -> str:
        """For figures."""
        return f"{self.loop}, fused" if self.fused and self.loop != LIMIT else self.loop


class Worker:
    """A process that trains when it is told to."""

    def __init__(
        self, contender: Contender, work: str, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.contender = contender
        words = [contender.loop, work, str(folder), *(["--fused"] if contender.fused else [])]
        words += ["--device", contender.device]
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.loops.worker", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        )
        self.about = self._answer()

    def measure(self, num_steps: int) -> Measured:
        """The seconds of so many steps."""
        return self._ask({"do": "time", "steps": num_steps})

    def count(self, num_steps: int = NUM_COUNTED) -> int:
        """Python functions entered in a step."""
        return int(median(self._ask({"do": "count", "steps": num_steps})["calls"]))

    def close(self) -> None:
        """Ends the process."""
        for stream in (self._process.stdin, self._process.stdout, self._log):
            stream.close()
        self._process.wait(timeout=60)

    def _ask(self, command: Mapping[str, Any]) -> Measured:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Measured:
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            sys.exit(f"the loop {self.contender.name} ended:\n{self._log.read()[-2000:]}")
        return json.loads(line)


@contextmanager
def workers(work: str, contenders: Sequence[Contender]) -> Iterator[list[Worker]]:
    """A process for each loop, all alive at once; what they train must be the same."""
    with ExitStack() as stack:
        opened = []
        for contender in contenders:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            opened.append(Worker(contender, work, folder))
            stack.callback(opened[-1].close)
        assert len({worker.about["parameters"] for worker in opened}) == 1, "the networks differ"
        yield opened


def statistic(work: Work, measured: Measured) -> float:
    """Seconds of a step: the clock's tenth percentile, or of long steps the process's 25th.

    A GPU works on while the program is ahead of it: there it is the mean, the device being waited for at both
    ends.
    """
    if work.device != "cpu":
        return mean(measured["walls"])
    if work.is_short:
        return quantiles(measured["walls"], n=10)[0]
    return quantiles(measured["cpus"], n=4)[0]


def take_turns(work: Work, opened: Sequence[Worker], num_rounds: int) -> dict[str, list[Measured]]:
    """Each loop's steps, round by round; every round begins with another loop, and one before is not kept."""
    kept: dict[str, list[Measured]] = {worker.contender.name: [] for worker in opened}
    for turn in range(num_rounds + 1):
        first = turn % len(opened)
        for worker in [*opened[first:], *opened[:first]]:
            measured = worker.measure(work.num_steps)
            if turn:
                kept[worker.contender.name].append(measured)
    return kept


def compare(name: str, contenders: Sequence[Contender], num_rounds: int) -> dict[str, Any]:
    """The figures of one work."""
    work = replace(WORKS[name], device=contenders[0].device)
    with workers(name, contenders) as opened:
        rounds = take_turns(work, opened, num_rounds)
        calls = {worker.contender.name: worker.count() for worker in opened}
        settings = {worker.contender.name: worker.about["settings"] for worker in opened}
    steps = {loop: [statistic(work, each) for each in kept] for loop, kept in rounds.items()}
    wholes = {loop: sum(mean(each["walls"]) for each in kept) for loop, kept in rounds.items()}
    rows = [
        {
            "loop": loop,
            "settings": settings[loop],
            "step_us": round(1e6 * median(steps[loop]), 1),
            **spread("ratio", steps[loop], steps[LIMIT]),
            "ratio_with_epochs_ends": round(wholes[loop] / wholes[LIMIT], 3),
            "calls": calls[loop],
            "page_faults": round(median(each["faults"] / work.num_steps for each in kept), 1),
        }
        for loop, kept in rounds.items()
    ]
    how = "10th percentile of the clock" if work.is_short else "25th percentile of the process's time"
    if work.device != "cpu":
        how = "mean of the clock"
    return {
        "work": name,
        "title": work.title,
        "statistic": how,
        "steps_a_round": work.num_steps,
        "rows": rows,
    }


def spread(key: str, values: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest of the rounds' ratios."""
    ratios = [value / reference for value, reference in zip(values, base, strict=True)]
    named = {key: median(ratios), f"{key}_min": min(ratios), f"{key}_max": max(ratios)}
    return {name: round(value, 3) for name, value in named.items()}
