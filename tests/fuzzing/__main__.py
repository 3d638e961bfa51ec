"""Fuzzes the targets, each in a process of its own, and writes ``benchmarks/results/fuzz.json``."""

import argparse
import json
import platform
import sys
import tempfile
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.fuzzing.campaign import SEEDS, keep, load_targets, run

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "fuzz.json"
NAMES = (
    "recipe", "words", "status", "json", "checkpoint", "table", "picture", "archive", "idx", "voc", "coco", "text",
    "golden", "certificate", "model", "sealed", "skeleton", "preprocessing", "argv",
)  # fmt: skip

_NOTHING = {"executions": 0, "findings": [], "minutes": 0.0, "guided": False}


def main() -> int:
    """Divides the minutes among the targets; the exit code says whether something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", choices=NAMES, action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="decides the mutants")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        sys.stdout.write("atheris is not installed (pip install 'zoo-core[fuzz]'): mutants only\n")
    names = given.target or NAMES
    targets = load_targets()
    found: dict[str, Any] = {}
    for name in names:
        found[name] = _try(targets[name], given.minutes * 60 / len(names), given.seed)
        total = _write(given, found)
    sys.stdout.write(
        f"{total['executions']:,} executions in {total['minutes']} minutes, {total['findings']} findings\n"
    )
    return 1 if total["findings"] else 0


def _write(given: argparse.Namespace, found: dict[str, Any]) -> dict[str, Any]:
    """The figures so far; an hour of fuzzing that is cut short is not lost."""
    total = {
        "executions": sum(each["executions"] for each in found.values()),
        "findings": sum(len(each["findings"]) for each in found.values()),
        "minutes": round(sum(each["minutes"] for each in found.values()), 2),
    }
    chosen = "".join(f" --target {name}" for name in given.target or ())
    document = {
        "command": f"python -m tests.fuzzing --minutes {given.minutes:g} --seed {given.seed}{chosen}",
        "python": platform.python_version(),
        "total": total,
        "targets": found,
    }
    given.output.write_text(json.dumps(document, indent=2) + "\n")
    return total


def _try(target: Any, seconds: float, seed: int) -> dict[str, Any]:
    """One target in a process of its own, which shares what has been imported."""
    with tempfile.TemporaryDirectory(prefix="zoo-fuzz-") as place:
        report, current = Path(place) / "report.json", Path(place) / "current"
        process = get_context("fork").Process(target=run, args=(target, seconds, seed, report, current))
        process.start()
        process.join(seconds + 120)
        ended = ""
        if process.is_alive():
            process.kill()
            ended = "did not end"
        elif process.exitcode not in (0, 1) or not report.is_file():
            ended = f"ended with {process.exitcode}"
        figures = json.loads(report.read_text()) if report.is_file() else dict(_NOTHING)
        if ended:
            figures["findings"] = [*figures["findings"], ended]
            if current.is_file():
                keep(SEEDS / target.name, current.read_bytes())
    way = "guided" if figures["guided"] else "mutants"
    sys.stdout.write(
        f"{target.name:14} {figures['executions']:>9,} executions  {figures['minutes']:>5} min  {way:8} {figures['findings'] or ''}\n"
    )
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    sys.exit(main())
