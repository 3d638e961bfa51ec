"""What exactness costs: ``python -m benchmarks.exactness``.

Zoo trains the CNN of ``benchmarks.loops`` as it is, with a checkpoint and a
validation every 100 steps, and with the parts that make it exact taken out, in this benchmark only: no seeding of each step, no check that losses and
gradients are finite, no checkpoints. Each trains in a process of its own and they take turns. A round is
the same number of steps for all; what is compared is the clock and the process's time of the whole round,
checkpoints included. Such a comparison is as blurred as the machine is busy; so the time that goes by inside of
each part is measured too, of one training, as a share of its steps.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import torch

from benchmarks import machine, page
from benchmarks.loops import ours, stamps
from benchmarks.loops.rounds import Contender, Worker, spread
from benchmarks.loops.works import WORKS

COLUMNS = {
    "title": "network",
    "exact": "what is on",
    "step_us": "process time, us a step",
    "ratio": "process time, ratio",
    "ratio_min": "smallest",
    "ratio_max": "largest",
    "clock_ratio": "clock, ratio",
}
EVERY = 100
ALL = "seeding, finiteness, checkpoints"
EPOCHS_TIMED = 5


def parts() -> dict[str, list[tuple[Any, str, Callable[..., Any]]]]:
    """What makes training exact: where it is looked for, and what does nothing in its place."""
    from zoo.training import checkpoints, finite, trainer

    return {
        "seeding": [(trainer.Trainer, "_seed", nothing)],
        "finiteness": [
            (finite.Watch, "look", nothing),
            (finite.Watch, "has_found", lambda watch: False),
            (finite.Buffers, "keep", nothing),
            (trainer, "first_bad_weight", lambda models: ""),
        ],
        "checkpoints": [(checkpoints, "save", nothing)],
    }


def nothing(*arguments: Any, **named: Any) -> None:
    """Stands for what is taken out."""


def without(words: str) -> None:
    """Takes parts out of Zoo in this process; each must be where it is looked for."""
    for part, places in parts().items():
        for owner, name, by in places if part in words else ():
            assert hasattr(owner, name), f"{owner} has no {name}: has Zoo moved it?"
            setattr(owner, name, by)


def inside(name: str) -> list[dict[str, Any]]:
    """The process's time inside of each part, a step, and its share of a step of the same training."""
    seconds, times = dict.fromkeys(parts(), 0.0), stamps.Times()

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            started_at = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                seconds[part] += time.process_time() - started_at

        return call

    with TemporaryDirectory() as folder, ExitStack() as stack:
        for part, places in parts().items():
            for owner, attribute, _ in places:
                stack.enter_context(
                    mock.patch.object(owner, attribute, timed(part, getattr(owner, attribute)))
                )
        times.start()
        with stamps.listening(times.mark):
            ours.train(name, Path(folder), epochs=EPOCHS_TIMED)
    step_s = sum(times.cpus) / len(times.cpus)
    per_step = {part: each / (EPOCHS_TIMED * EVERY) for part, each in seconds.items()}
    per_step["all three"] = sum(per_step.values())
    return [
        {
            "work": name,
            "title": WORKS[name].title,
            "exact": f"inside of {part}",
            "step_us": round(1e6 * each, 1),
            "ratio": round(each / step_s, 4),
        }
        for part, each in per_step.items()
    ]


class Half(Worker):
    """Zoo with some parts taken out."""

    def __init__(self, work: str, folder: Path, taken: str) -> None:
        super().__init__(Contender("zoo", fused=False), work, folder, {"BENCH_WITHOUT": taken})


def compare(name: str, num_rounds: int) -> list[dict[str, Any]]:
    """As it is, without each part, and without any."""
    work, num_steps = WORKS[name], EVERY
    assert work.steps_per_epoch == EVERY, "a checkpoint follows each epoch"
    variants = {"everything": "", "no seeding": "seeding", "no finiteness checks": "finiteness"}
    variants |= {"no checkpoints": "checkpoints", "none of them": ALL}
    measured: dict[str, list[Any]] = {title: [] for title in variants}
    with ExitStack() as stack:
        opened = {}
        for title, taken in variants.items():
            folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
            opened[title] = Half(name, folder, taken)
            stack.callback(opened[title].close)
        for worker in opened.values():
            worker.measure(20)
        for _ in range(num_rounds):
            for title, worker in opened.items():
                measured[title].append(worker.measure(num_steps))
    cpus = {title: [sum(each["cpus"]) / num_steps for each in kept] for title, kept in measured.items()}
    walls = {title: [sum(each["walls"]) / num_steps for each in kept] for title, kept in measured.items()}
    return [
        {
            "work": name,
            "title": work.title,
            "exact": title,
            "step_us": round(1e6 * median(cpus[title]), 1),
            **spread("ratio", cpus[title], cpus["none of them"]),
            "clock_ratio": spread("ratio", walls[title], walls["none of them"])["ratio"],
        }
        for title in variants
    ]


def main() -> None:
    """Compares, prints a table, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", default="b")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    works = given.works.split(",")
    rows = [row for work in works for row in (*compare(work, given.rounds), *inside(work))]
    for row in rows:
        print(row)
    if not given.dry:
        note = f"One thread, median of {given.rounds} rounds of {EVERY} steps with one checkpoint and one validation in each; inside of a part, one training of {EPOCHS_TIMED} such rounds, as a share of its steps."
        machine.keep("exactness", {**machine.about(), "note": note, "columns": COLUMNS, "rows": rows})
        page.write()


if __name__ == "__main__":
    sys.exit(main())
