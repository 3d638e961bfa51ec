"""``python -m benchmarks.resume_matrix [--quick] [--device cuda]``: stops and resumes every cell, keeps the figures; 1 if one differs.

All of it takes about half an hour on two idle cores. ``--quick`` leaves out the threes: every pair of
values still meets. Cells that compile are a few, each a minute or less. Words narrow the matrix while
developing, and then no figures are kept: ``architecture=gru precision=bf16``.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.bridges import registry_without_bridges
from benchmarks.families import write
from benchmarks.resume_matrix import design, trial
from benchmarks.resume_matrix.design import Cell
from benchmarks.resume_matrix.trial import Outcome

SAID_EVERY = 20
MEMORY = Path("/dev/shm")  # noqa: S108


def main() -> int:
    """Attempts the cells, prints what differs, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every pair, not every three")
    parser.add_argument("--slice", action="store_true", help="every value at least once")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("words", nargs="*", metavar="FACTOR=VALUE")
    given = parser.parse_args()
    started_at = time.monotonic()
    about = machine.about(device=given.device)
    with tempfile.TemporaryDirectory() as place:
        registry = registry_without_bridges()
        data = write(Path(place))
        cells = (
            design.slice_of(data, registry)
            if given.slice
            else design.cells(data, registry, is_quick=given.quick)
        )
        cells = [replace(cell, device=given.device) for cell in cells]
        wanted = [word.split("=", 1) for word in given.words]
        cells = [cell for cell in cells if all(cell.values.get(name) == value for name, value in wanted)]
        outcomes = attempt_all(cells, Path(place))
    document = {
        **about,
        "minutes": round((time.monotonic() - started_at) / 60, 1),
        **summary(cells, outcomes, "value" if given.slice else "pair of values of two factors"),
    }
    for each in document["refused"]:
        print(f"no such training: {'; '.join(each['cells'])}: {each['reason']}")
    print(f"{document['bitwise']} of {document['of']} bitwise; {document['minutes']} minutes")
    if not given.words and (given.device != "cpu" or not given.slice):
        machine.keep("resume_matrix" if given.device == "cpu" else f"resume_matrix_{given.device}", document)
    return int(document["bitwise"] != document["of"])


def attempt_all(cells: Sequence[Cell], folder: Path) -> list[Outcome]:
    """As many at once as there are cores, each process with one thread."""
    os.environ["OMP_NUM_THREADS"] = "1"
    if MEMORY.is_dir():  # what a disk keeps is another matter: see benchmarks.faults
        os.environ.setdefault("TMPDIR", str(MEMORY))
    context = multiprocessing.get_context("spawn")
    outcomes = []
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, trial.prepare) as pool:
        for outcome in pool.map(trial.attempt, cells, [folder] * len(cells)):
            outcomes.append(outcome)
            if outcome.differing:
                print(f"{outcome.cell}: {'; '.join(outcome.differing)}", flush=True)
            if len(outcomes) % SAID_EVERY == 0:
                print(f"{len(outcomes)} of {len(cells)}", file=sys.stderr, flush=True)
    return outcomes


def summary(cells: Sequence[Cell], outcomes: Sequence[Outcome], what_meets: str) -> dict[str, Any]:
    """The figures: how many, of what, what differs, and which trainings there are not and why."""
    trained = [(cell, outcome) for cell, outcome in zip(cells, outcomes, strict=True) if not outcome.refused]
    return {
        "note": "A cell is a run that never stops against one that a signal or a crash stopped and that was "
        "resumed; equal are the last and the best checkpoint, metrics.jsonl, the metrics and the choice of "
        "the best, in every byte. The stopped half read its data with one core, the others with all. Every "
        f"{what_meets} is met, but for the refused.",
        "bitwise": sum(not outcome.differing for _, outcome in trained),
        "of": len(trained),
        "stopped_by": dict(Counter("crash" if cell.crashes else "signal" for cell, _ in trained)),
        "loaded_and_saved": sum(outcome.rewrote for _, outcome in trained),
        "cells_by_value": _counted([cell for cell, _ in trained]),
        "differing": [
            {"cell": outcome.cell, "differing": outcome.differing}
            for outcome in outcomes
            if outcome.differing
        ],
        "refused": _grouped(outcome for outcome in outcomes if outcome.refused),
    }


def _counted(cells: Sequence[Cell]) -> dict[str, dict[str, int]]:
    """By factor and value, in how many cells it stands."""
    factors = {"data": Counter(cell.data for cell in cells)}
    for cell in cells:
        for name, value in {**cell.values, **cell.keys}.items():
            factors.setdefault(name, Counter())[str(value)] += 1
    return {name: dict(sorted(counter.items())) for name, counter in factors.items()}


def _grouped(refused: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Cells that do not exist, by Zoo's reason."""
    by_reason: dict[str, list[str]] = {}
    for outcome in refused:
        by_reason.setdefault(outcome.refused, []).append(outcome.cell)
    return [{"reason": reason, "cells": cells} for reason, cells in by_reason.items()]


if __name__ == "__main__":
    sys.exit(main())
