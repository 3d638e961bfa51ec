"""``compile=true`` against the eager bare loop: ``python -m benchmarks.compiled``.

Steps are taken from what a progress display is told, since a compiled step has no forward to listen to;
the eager bare loop is ``benchmarks.loops``'s, in a process of its own, measured before and after. What compiling
cost is what Zoo prints of it: cold, with an empty cache of inductor, and warm, in a second process with the
cache of the first.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean, median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, page
from benchmarks.loops.rounds import LIMIT, Contender, spread, statistic, workers
from benchmarks.loops.works import WORKS, Work

COLUMNS = {
    "title": "network",
    "eager_us": "eager bare loop, us a step",
    "compiled_us": "compile=true, us a step",
    "ratio": "ratio",
    "ratio_min": "smallest",
    "ratio_max": "largest",
    "compile_cold_s": "compiling, cold, s",
    "compile_warm_s": "warm, s",
    "break_even_steps": "break-even, steps (cold)",
    "says": "what it prints (cold)",
}


def train(name: str, folder: Path, num_epochs: int, device: str) -> dict[str, Any]:
    """Trains compiled in this process; seconds of each step; what is said goes to standard error."""
    import torch

    from benchmarks.loops import ours
    from zoo.training.progress import Progress

    steps_per_epoch = WORKS[name].steps_per_epoch

    class Told(Progress):
        """Hears of each step; what is said goes to the log, as on the command line."""

        def __init__(self) -> None:
            self.walls: list[tuple[int, float, float]] = []

        def stepped(self, step: int, num_examples: int, losses: Mapping[str, Any]) -> None:
            if step % steps_per_epoch in (0, 1):
                machine.wait(device)
            self.walls.append((step, time.perf_counter(), time.process_time()))

        def __getattribute__(self, attribute: str) -> Any:
            found = object.__getattribute__(self, attribute)
            if attribute in ("warn", "say", "note", "compiled"):
                return lambda *words, **named: print(*words, named or "", file=sys.stderr)
            return found

    torch.set_num_threads(1)
    told = Told()
    ours.train(name, folder, says=False, compile=True, epochs=num_epochs, progress=told, device=device)
    steps = [
        ((b[1] - a[1]) / (b[0] - a[0]), (b[2] - a[2]) / (b[0] - a[0]))
        for a, b in zip(told.walls, told.walls[1:], strict=False)
    ]
    return {
        "walls": [wall for wall, _ in steps],
        "cpus": [cpu for _, cpu in steps],
    }


def in_process(name: str, cache: Path, num_epochs: int, device: str) -> dict[str, Any]:
    """The same in a process of its own with its own cache."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.compiled", "--one", name, folder, str(num_epochs), device],
            env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    said = re.search(r"^compiled in ([\d.]+) s;.*?$", done.stderr, re.MULTILINE)
    if not said:
        sys.exit(f"nothing was said of compiling:\n{done.stderr[-3000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    return {**measured, "compile_s": float(said[1]), "says": said[0].strip()}


def compare(name: str, num_rounds: int, device: str) -> dict[str, Any]:
    """Eager, compiled, eager, compiled ...; the first compiled one is cold."""
    work = replace(WORKS[name], device=device)
    num_epochs = 6 if work.is_short else 3
    eager, compiled = [], []
    with TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        cold = in_process(name, Path(cache), num_epochs, device)
        with workers(name, [Contender(LIMIT, True, device)]) as (bare,):
            bare.measure(work.num_steps)
            for _ in range(num_rounds):
                before = statistic(work, bare.measure(work.num_steps))
                compiled.append(in_process(name, Path(cache), num_epochs, device))
                eager.append((before + statistic(work, bare.measure(work.num_steps))) / 2)
    steps = [_step(work, each) for each in compiled]
    gain = median(eager) - median(steps)
    return {
        "work": name,
        "title": work.title,
        "eager_us": round(1e6 * median(eager), 1),
        "compiled_us": round(1e6 * median(steps), 1),
        **spread("ratio", steps, eager),
        "compile_cold_s": round(cold["compile_s"], 1),
        "compile_warm_s": round(median(each["compile_s"] for each in compiled), 1),
        "break_even_steps": round(cold["compile_s"] / gain) if gain > 0 else None,
        "says": cold["says"],
    }


def _step(work: Work, measured: Mapping[str, Any]) -> float:
    """As for the loops, without the first epoch, in which it compiles."""
    if work.device != "cpu":
        # Between an epoch's last step and the next one's first lies its validation.
        return mean(
            wall
            for place, wall in enumerate(measured["walls"], start=1)
            if place > work.steps_per_epoch and place % work.steps_per_epoch
        )
    kept = {key: measured[key][work.steps_per_epoch :] for key in ("walls", "cpus")}
    return quantiles(kept["walls"], n=10)[0] if work.is_short else quantiles(kept["cpus"], n=4)[0]


def main() -> None:
    """Compares, prints a table, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", default="a,d,b,c")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    parser.add_argument(
        "--one", nargs=4, metavar=("WORK", "FOLDER", "EPOCHS", "DEVICE"), help=argparse.SUPPRESS
    )
    given = parser.parse_args()
    if given.one:
        name, folder, epochs, device = given.one
        print(json.dumps(train(name, Path(folder), int(epochs), device)))
        return
    rows = [compare(name, given.rounds, given.device) for name in given.works.split(",")]
    for row in rows:
        print(row)
    if not given.dry:
        note = f"One thread, median of {given.rounds} rounds; break-even is compiling cold over what a step gains."
        document = {
            **machine.about(device=given.device),
            "note": note,
            "columns": COLUMNS,
            "rows": rows,
        }
        machine.keep("compiled" if given.device == "cpu" else f"compiled_{given.device}", document)
        page.write()


if __name__ == "__main__":
    main()
