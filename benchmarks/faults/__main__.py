"""``python -m benchmarks.faults [ROW]...``: breaks runs, prints a table, keeps the figures; 1 if one was lost.

Without words all rows are run, which takes about ten minutes on two cores; ``R6 N1`` runs these two.
Figures of the peers, which ``python -m benchmarks.faults.peers`` measures, are kept.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.faults import crashes, damage, poison, refusals, selftest, signals, states
from benchmarks.faults.trials import Row
from benchmarks.faults.workload import Workload

RESULT = Path(__file__).parents[1] / "results" / "faults.json"
NUM_RUNS, NUM_KILLS = 30, 10
NUM_SIGNALS, NUM_PAIRS = 25, 20

Measure = Callable[[Workload], Iterable[Row]]
ROWS: dict[str, Measure] = {
    "harness": lambda workload: [selftest.planted(workload)],
    "R1": lambda workload: [crashes.killed_at_random(workload, NUM_RUNS, NUM_KILLS)],
    "N1": lambda workload: [poison.poisoned(workload)],
    "R6": lambda workload: [*damage.damaged(workload), refusals.lied_to(workload)],
    "R2 R3": crashes.killed_at_every_operation,
    "R5": lambda workload: [refusals.read_only(workload)],
    "R8": lambda workload: [signals.two_at_once(workload, NUM_PAIRS)],
    "R10": lambda workload: [states.clocks(workload)],
    "R16": lambda workload: [states.round_trips(workload)],
    "R18": lambda workload: [states.odd_paths(workload)],
    "R9": crashes.without_power,
    "R4": refusals.really_full,
    "R4 R5 R12 EIO": refusals.refused_at_every_operation,
    "R7": lambda workload: signals.signalled(workload, NUM_SIGNALS),
}


def main(words: list[str]) -> int:
    """Runs the rows that are named, or all."""
    chosen = {name: act for name, act in ROWS.items() if not words or set(words) & set(name.split())}
    is_lost = False
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # one row trains as another user
        os.environ.setdefault("FAULTS_FOLDER", place)
        workload = Workload(Path(tempfile.mkdtemp(dir=place)))
        for act in chosen.values():
            started_at = time.monotonic()
            for row in act(workload):
                keep([{"system": "zoo", **row.to_json()}])
                is_lost |= not row.is_whole
                print(f"{row.row:4} {row.survived:5} of {row.tried:5}  {row.title}", flush=True)
                for cause in row.causes:
                    print(f"     {cause}")
            print(f"     {time.monotonic() - started_at:.0f} s", flush=True)
    return int(is_lost)


def keep(measured: list[dict[str, Any]]) -> None:
    """Puts figures into the results, in place of older ones of the same system, row and title."""
    before = json.loads(RESULT.read_text()) if RESULT.exists() else []
    names = {_name(each) for each in measured}
    rows = [each for each in before if _name(each) not in names] + measured
    rows.sort(key=lambda each: (each["row"], each["title"], each["system"]))
    RESULT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _name(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["system"], row["row"], row["title"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
