"""Several processes against one: ``python -m benchmarks.teams``.

- *Equal*: the weights after 1, 2, 5 and 20 steps of the same batches, as one vector, relative to those of one
  process; neither dropout nor batch normalisation, which see each process's part.
- *Time*: of a step in one process and in two, as one takes turns with the other, and of one process that has
  half the batch: what two take beyond that is the exchange.
- *Killed*: launched runs of which a process drawn at random is killed at a random moment; runs of spread
  weights whose processes are killed before each file that they synchronise in their first saves. Each must be
  started again, or resumed, and end in the bytes of the run that nobody disturbed.
- *Resumed*: a spread checkpoint of two processes in one, two and three.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import safetensors.torch
import torch

from benchmarks import machine, ranks
from benchmarks.loops import ours
from benchmarks.loops.rounds import spread
from zoo.runs import Run
from zoo.training import checkpoints, session
from zoo.training.progress import Progress

STEPS = (1, 2, 5, 20)
NETWORKS = {
    "MLP 64-64-10": ("digits", {"name": "mlp", "hidden": [64], "dropout": 0.0}),
    "CNN, 28 x 28 pixels": ("b", {"name": "bench-b", "says": False}),
}
TIMED = {
    "MLP 64-512-512-10, batch 256": ("a", {"name": "mlp", "hidden": [512, 512], "dropout": 0.0}, 256),
    "CNN, 28 x 28 pixels, batch 128": ("b", {"name": "bench-b", "says": False}, 128),
}
DIGITS = ["train", "mlp", "--data", "digits", "batch_size=64", "model.hidden=[16]", "device=cpu"]
LAUNCHED = [*DIGITS, "epochs=15", "checkpoint.every=5"]
SPREAD = [*DIGITS, "epochs=1", "shard=true", "checkpoint.every=8"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
LIMIT_S = 300.0
COLUMNS = {"row": "", "case": "case", "figure": "figure"}
Row = dict[str, Any]


class Clock(Progress):
    """When each step ended, of the clock and of this process."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.cpus: list[float] = []

    def stepped(self, step: int, num_examples: int, losses: Mapping[str, torch.Tensor]) -> None:
        """A step is done."""
        self.walls.append(time.perf_counter())
        self.cpus.append(time.process_time())


def act(given: Mapping[str, Any], run: str) -> None:
    """What each process does: trains, and the first one keeps the times of its steps."""
    clock = Clock()
    session.start(given, run_path=Path(run), registry=ours.registry(), progress=clock)
    if os.environ.get("RANK", "0") == "0":
        lengths = {
            name: [later - before for before, later in pairwise(each)]
            for name, each in (("walls", clock.walls), ("cpus", clock.cpus))
        }
        Path(run, "times.json").write_text(json.dumps(lengths))


def train(size: int, given: Mapping[str, Any], run: Path) -> None:
    """Trains in so many processes."""
    ended = ranks.together(size, act, given, str(run))
    if not ended.is_well:
        raise SystemExit(f"{size} processes failed: {ended.said}")


def difference(one: Path, other: Path, step: int) -> float:
    """Of all weights as one vector, relative to it."""
    first, second = (
        torch.cat([tensor.flatten() for _, tensor in sorted(loaded.model.items())]).double()
        for loaded in (checkpoints.load(Run(path).checkpoints_path, step) for path in (one, other))
    )
    return float((first - second).norm() / first.norm())


def equal(folder: Path) -> Iterable[Row]:
    """Two processes, three, and two that spread the weights, against one."""
    data = {"digits": "digits", "b": ours.write_data("b", folder)}
    for title, (source, model) in NETWORKS.items():
        for optimizer in ("sgd", "adamw"):
            given = {"model": model, "data": data[source], "optimizer": optimizer, "device": "cpu"}
            given |= {"epochs": 1, "batch_size": 63 if source == "digits" else 640, "schedule": "constant"}
            given |= {"checkpoint": {"every": 1, "keep": 30}}
            where = folder / f"equal-{source}-{optimizer}"
            train(1, given, where / "one")
            for size, sharded in ((2, False), (3, False), (2, True)):
                run = where / f"{size}-{sharded}"
                train(size, {**given, "shard": sharded}, run)
                figures = [f"{difference(where / 'one', run, step):.1e}" for step in STEPS]
                how = f"{size} processes{', spread weights' if sharded else ''}"
                yield {
                    "row": f"relative difference of the weights after {', '.join(map(str, STEPS))} steps",
                    "case": f"{title}, {optimizer}, {how}",
                    "figure": ", ".join(figures),
                }


def timed(folder: Path, num_rounds: int) -> Iterable[Row]:
    """Steps of one process, of two, and of one with half the batch."""
    for title, (source, model, batch_size) in TIMED.items():
        data = ours.write_data(source, folder)
        ways = {"one": (1, batch_size), "two": (2, batch_size), "half": (1, batch_size // 2)}
        kept: dict[str, dict[str, list[float]]] = {way: {"walls": [], "cpus": []} for way in ways}
        for number in range(num_rounds):
            for way, (size, examples) in ways.items():
                given = {"model": model, "data": data, "batch_size": examples, "device": "cpu"}
                given |= {"optimizer": "adam", "epochs": 8 if source == "a" else 1}
                run = folder / f"timed-{source}-{way}-{number}"
                train(size, given, run)
                for name, lengths in json.loads((run / "times.json").read_text()).items():
                    kept[way][name].append(1000 * sorted(lengths)[len(lengths) // 4])
        for name, words in (("walls", "clock"), ("cpus", "process time of the first process")):
            one, two, half = (kept[way][name] for way in ways)
            ratio = spread("ratio", two, one)
            exchange = median(two) - median(half)
            yield {
                "row": f"step of two processes against one, {words}",
                "case": title,
                "figure": f"{ratio['ratio']:.2f} [{ratio['ratio_min']:.2f} {ratio['ratio_max']:.2f}], "
                f"{median(one):.2f} ms to {median(two):.2f} ms; half the batch alone {median(half):.2f} ms, "
                f"so exchange and waiting {exchange:.2f} ms",
            }


def outcome(path: Path) -> dict[str, Any]:
    """What training decided: the newest checkpoint's tensors and state, the log and the metrics."""
    newest = max(Run(path).checkpoints_path.glob("step-*"))
    tensors = {
        f"{file.relative_to(newest)}/{name}": tensor.numpy().tobytes()
        for file in newest.rglob("*.safetensors")
        for name, tensor in safetensors.torch.load_file(file).items()
    }
    state, log = (newest / "state.json").read_bytes(), Run(path).metrics_path.read_bytes()
    return {**tensors, "state": state, "log": log, "metrics": Run(path).status()["metrics"]}


def killed(folder: Path, trials: int) -> Iterable[Row]:
    """A process drawn at random, at a random moment after the first checkpoint."""
    whole = folder / "whole"
    assert ranks.together(2, ranks.zoo, *LAUNCHED, "--run", str(whole)).is_well
    draw = random.Random(0)  # noqa: S311
    ways = {
        "torchrun": [*TORCHRUN, "--max-restarts", "3", "-m", "--", "zoo", *LAUNCHED],
        "zoo train --processes 2": [sys.executable, "-m", "zoo", *LAUNCHED, "--processes", "2"],
    }
    for way, command in ways.items():
        survived, landed = 0, []
        for trial in range(trials):
            run = folder / f"killed-{way[:3]}-{trial}"
            step = kill_one([*command, "--run", str(run)], run, draw)
            survived += step is not None and outcome(run) == outcome(whole)
            landed.append(step)
            print(way, trial, "after step", step, survived, file=sys.stderr)
        yield {
            "row": "a killed process is started again, and the run ends in the same bytes",
            "case": way,
            "figure": f"{survived} of {trials}",
            "killed_after_step": landed,
        }


def kill_one(command: list[str], run: Path, draw: random.Random) -> int | None:
    """Runs a command to its end and kills one process on the way; the newest step then, if all went well."""
    told = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        folder, deadline = Run(run).checkpoints_path, time.monotonic() + LIMIT_S
        after = draw.randrange(5, 250)
        while max(checkpoints.steps(folder), default=0) < after:
            if launcher.poll() is not None or time.monotonic() > deadline:
                return None
            time.sleep(0.005)
        pid = ranks.find(launcher.pid, draw.randrange(2))
        if pid is None:
            return None
        os.kill(pid, signal.SIGKILL)
        step = max(checkpoints.steps(folder))
        return step if launcher.wait(LIMIT_S) == 0 else None
    finally:
        ranks.end(launcher)


def killed_while_saving(folder: Path, every: int) -> Iterable[Row]:
    """Before each file and folder that a process synchronises, until it comes to its end."""
    whole = folder / "spread"
    assert ranks.together(2, ranks.zoo, *SPREAD, "--run", str(whole)).is_well
    for rank in (0, 1):
        survived = tried = 0
        for number in range(1, 1000, every if rank == 0 else 1):
            run = folder / f"spread-{rank}-{number}"
            ended = ranks.together(2, ranks.killed_at_fsync, rank, number, *SPREAD, "--run", str(run))
            if ended.is_well:
                break
            tried += 1
            words = ["resume", str(run)] if run.exists() else [*SPREAD, "--run", str(run)]
            was_killed = ended.codes[rank] == -signal.SIGKILL and ended.codes[1 - rank] == 6
            again = ranks.together(2, ranks.zoo, *words)
            survived += was_killed and again.is_well and outcome(run) == outcome(whole)
            print("spread", rank, number, ended.codes, again.codes, survived, tried, file=sys.stderr)
            shutil.rmtree(run, ignore_errors=True)
        yield {
            "row": "killed before a file of a spread run is synchronised, resumed to the same bytes",
            "case": f"process {rank + 1} of 2" + (f", every {every}th file" if rank == 0 else ""),
            "figure": f"{survived} of {tried}",
        }


def resumed(folder: Path) -> Iterable[Row]:
    """A spread checkpoint in other numbers of processes; without dropout, which each draws for its part."""
    whole = folder / "resumed-whole"
    assert ranks.together(2, ranks.zoo, *SPREAD, "model.dropout=0.0", "--run", str(whole)).is_well
    last = max(checkpoints.steps(Run(whole).checkpoints_path))
    for size in (1, 2, 3):
        run = folder / f"resumed-{size}"
        shutil.copytree(whole, run)
        shutil.rmtree(checkpoints.place(Run(run).checkpoints_path, last))
        assert ranks.together(size, ranks.zoo, "resume", str(run)).is_well
        same = "the same bytes" if outcome(run) == outcome(whole) else f"{difference(whole, run, last):.1e}"
        yield {
            "row": "relative difference of the weights of a spread run of 2 processes, resumed",
            "case": f"by {size}",
            "figure": same,
        }


SECTIONS: Mapping[str, Callable[[Path, argparse.Namespace], Iterable[Row]]] = {
    "equal": lambda folder, given: equal(folder),
    "timed": lambda folder, given: timed(folder, given.rounds),
    "killed": lambda folder, given: killed(folder, given.trials),
    "killed while saving": lambda folder, given: killed_while_saving(folder, given.every),
    "resumed": lambda folder, given: resumed(folder),
}


def main() -> int:
    """Measures, prints the rows, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5, help="launched runs to kill, for each launcher")
    parser.add_argument("--rounds", type=int, default=3, help="of the timing")
    parser.add_argument("--every", type=int, default=4, help="of the first process's files, one in so many")
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", help="the other figures stay as they are"
    )
    given = parser.parse_args()
    about, before = machine.about(), machine.read("teams") or {"sections": {}}
    sections = before["sections"] if given.only else {}
    note = f"gloo, one thread a process; times: median of {given.rounds} rounds, 25th percentile of each."
    with TemporaryDirectory() as folder:
        for name in given.only or SECTIONS:
            sections[name] = []
            for row in SECTIONS[name](Path(folder), given):
                print(row, flush=True)
                sections[name].append(row)
                rows = [row for name in SECTIONS for row in sections.get(name, ())]
                kept = {"note": note, "columns": COLUMNS, "rows": rows, "sections": sections}
                machine.keep("teams", {**about, **kept})
    return 0


if __name__ == "__main__":
    sys.exit(main())
