"""``precision=bf16`` with channels_last against float32, in time and in accuracy: ``python -m benchmarks.precision``.

Zoo trains the CNN and the LSTM of ``benchmarks.loops`` both ways, the CNN in float32 with channels_last too;
they take turns, run by run, on one thread. A step is the process's 25th percentile from one forward to the next. Accuracy is that of the test
split after all epochs, each way with the same seed.
"""

import argparse
import os
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks import machine, page
from benchmarks.loops import ours, stamps
from benchmarks.loops.rounds import spread
from benchmarks.loops.works import WORKS

COLUMNS = {
    "title": "network",
    "precision": "precision",
    "memory_format": "order of pictures",
    "step_us": "process time, us a step",
    "ratio": "ratio to float32",
    "ratio_min": "smallest",
    "ratio_max": "largest",
    "accuracy": "test accuracy",
}
# What Zoo chooses by itself comes first and last.
WAYS = (("float32", "contiguous"), ("float32", "channels_last"), ("bf16", "channels_last"))


def ways(name: str) -> tuple[tuple[str, str], ...]:
    """Precision and order of pictures; where there are none, the order makes no difference."""
    return WAYS if WORKS[name].kind == "image" else (WAYS[0], WAYS[-1])


def once(name: str, way: tuple[str, str], *, seed: int, epochs: int) -> tuple[float, float]:
    """Seconds of a step, and the accuracy on the test split."""
    times, (precision, memory_format) = stamps.Times(), way
    with TemporaryDirectory() as folder:
        times.start()
        with stamps.listening(times.mark):
            keys = {"precision": precision, "memory_format": memory_format}
            run = ours.train(name, Path(folder), **keys, epochs=epochs, seed=seed)
        accuracy = run.status()["metrics"]["test"]["accuracy"]
    return quantiles(times.cpus[3:], n=4)[0], accuracy


def main() -> None:
    """Trains both ways, prints a table, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", default="b,c")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in given.works.split(","):
        found: dict[tuple[str, str], list[tuple[float, float]]] = {way: [] for way in ways(name)}
        for seed in range(given.rounds):
            for way, kept in found.items():
                kept.append(once(name, way, seed=seed, epochs=given.epochs))
        base = [step for step, _ in found[WAYS[0]]]
        for (precision, memory_format), pairs in found.items():
            steps = [step for step, _ in pairs]
            rows.append(
                {
                    "work": name,
                    "title": WORKS[name].title,
                    "precision": precision,
                    "memory_format": memory_format if WORKS[name].kind == "image" else "",
                    "step_us": round(1e6 * median(steps), 1),
                    **spread("ratio", steps, base),
                    "accuracy": round(median(accuracy for _, accuracy in pairs), 4),
                }
            )
            print(rows[-1])
    if not given.dry:
        note = f"One thread, median of {given.rounds} runs of {given.epochs} epochs each; {_features()}."
        machine.keep("precision", {**machine.about(), "note": note, "columns": COLUMNS, "rows": rows})
        page.write()


def _features() -> str:
    """Whether the processor multiplies bfloat16 itself."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text() if os.name == "posix" and path.exists() else ""
    found = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags]
    return f"the processor has {', '.join(found)}" if found else "the processor has no bfloat16 instructions"


if __name__ == "__main__":
    main()
