"""glibc's allocation thresholds, set before start and in the running process: ``python -m benchmarks.allocation``.

glibc maps a block above a threshold by itself and gives it back to the system when it is freed, so that the
next step faults the same pages in again. Processes that train a CNN take turns, bare ones and Zoo's: as is;
thresholds set by environment before the start; set by ``mallopt`` before torch is imported, and after. The
threshold as it is follows the blocks that are freed, up to 32 MiB: hence a batch below it and one above.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, page
from benchmarks.loops.rounds import Contender, Worker, spread, statistic, take_turns
from benchmarks.loops.works import WORKS

ROUNDS = 8
# Blocks of a gibibyte and less are kept: none is mapped by itself, and the heap's top is never trimmed.
THRESHOLDS = {"MALLOC_MMAP_THRESHOLD_": 2**30, "MALLOC_TRIM_THRESHOLD_": 2**31 - 1, "MALLOC_TOP_PAD_": 2**26}
BY_ENVIRONMENT = {name: str(value) for name, value in THRESHOLDS.items()}
SETTINGS: dict[str, dict[str, str]] = {
    "as is": {},
    "environment": BY_ENVIRONMENT,
    "environment, one arena": {**BY_ENVIRONMENT, "MALLOC_ARENA_MAX": "1"},
    "mallopt before torch": {"BENCH_MALLOPT": "before"},
    "mallopt after torch": {"BENCH_MALLOPT": "after"},
}
COLUMNS = {
    "title": "network",
    "loop": "loop",
    "thresholds": "thresholds",
    "page_faults": "page faults a step",
    "step_us": "process time, us a step",
    "ratio": "ratio to as is",
    "ratio_min": "smallest",
    "ratio_max": "largest",
    "resident_mib": "resident MiB",
}


class Named(Worker):
    """A worker under the name of its thresholds."""

    def __init__(self, loop: str, work: str, folder: Path, thresholds: str) -> None:
        super().__init__(Contender(loop, fused=True), work, folder, SETTINGS[thresholds])
        self.contender = Contender(thresholds, fused=False)


def compare(loop: str, name: str, num_rounds: int) -> list[dict[str, Any]]:
    """One row for each way of setting the thresholds."""
    work = WORKS[name]
    with ExitStack() as stack:
        opened = []
        for thresholds in SETTINGS:
            folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
            opened.append(Named(loop, name, folder, thresholds))
            stack.callback(opened[-1].close)
        rounds = take_turns(work, opened, num_rounds)
    steps = {each: [statistic(work, measured) for measured in kept] for each, kept in rounds.items()}
    return [
        {
            "title": work.title,
            "loop": loop,
            "thresholds": thresholds,
            "page_faults": round(median(each["faults"] / work.num_steps for each in kept), 1),
            "step_us": round(1e6 * median(steps[thresholds]), 1),
            **spread("ratio", steps[thresholds], steps["as is"]),
            "resident_mib": round(median(each["resident_mib"] for each in kept), 1),
        }
        for thresholds, kept in rounds.items()
    ]


def main() -> None:
    """Compares, prints a table, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--works", default="b,e")
    parser.add_argument("--loops", default="limit,zoo")
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    rows = [
        row
        for work in given.works.split(",")
        for loop in given.loops.split(",")
        for row in compare(loop, work, given.rounds)
    ]
    for row in rows:
        print(
            f"{row['title'][-20:]} {row['loop']:6} {row['thresholds']:24} {row['page_faults']:9.1f} faults {row['step_us']:10.1f} us "
            f"{row['ratio']:6.2f} [{row['ratio_min']:.2f} {row['ratio_max']:.2f}] {row['resident_mib']:8.1f} MiB"
        )
    note = f"One thread, median of {given.rounds} rounds; process time of a step, 25th percentile."
    if not given.dry:
        kept = {**machine.about(), "rounds": given.rounds, "thresholds": THRESHOLDS, "note": note}
        machine.keep("allocation", {**kept, "columns": COLUMNS, "rows": rows})
        page.write()


if __name__ == "__main__":
    sys.exit(main())
