"""Fuzzes the targets, each in a process of its own, and writes ``benchmarks/results/fuzz.json``."""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.fuzzing.campaign import SEEDS, keep

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "fuzz.json"
NAMES = (
    "recipe", "words", "status", "json", "checkpoint", "table", "picture", "archive", "idx", "voc", "coco", "text",
    "golden", "certificate", "model", "sealed", "skeleton", "preprocessing", "argv",
)  # fmt: skip


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
    found = {name: _try(name, given.minutes * 60 / len(names), given.seed) for name in names}
    total = {
        "executions": sum(each["executions"] for each in found.values()),
        "findings": sum(len(each["findings"]) for each in found.values()),
        "minutes": round(sum(each["minutes"] for each in found.values()), 2),
    }
    document = {
        "command": f"make fuzz MINUTES={given.minutes:g}",
        "python": platform.python_version(),
        "seed": given.seed,
        "total": total,
        "targets": found,
    }
    given.output.write_text(json.dumps(document, indent=2) + "\n")
    sys.stdout.write(
        f"{total['executions']:,} executions in {total['minutes']} minutes, {total['findings']} findings\n"
    )
    return 1 if total["findings"] else 0


def _try(name: str, seconds: float, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="zoo-fuzz-") as place:
        report, current = Path(place) / "report.json", Path(place) / "current"
        words = [
            sys.executable,
            "-m",
            "tests.fuzzing.campaign",
            name,
            str(seconds),
            str(seed),
            str(report),
            str(current),
        ]
        ended = ""
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, errors="replace", timeout=seconds + 300, check=False
            )
            if done.returncode not in (0, 1) or not report.is_file():
                ended = f"ended with {done.returncode}: {done.stderr[-300:]}"
        except subprocess.TimeoutExpired:
            ended = "did not end"
        figures = (
            json.loads(report.read_text())
            if report.is_file()
            else {"executions": 0, "findings": [], "minutes": 0.0, "guided": False}
        )
        if ended:
            figures["findings"] = [*figures["findings"], ended]
            if current.is_file():
                keep(SEEDS / name, current.read_bytes())
    sys.stdout.write(
        f"{name:14} {figures['executions']:>9,} executions  {figures['minutes']:>5} min  {'guided' if figures['guided'] else 'mutants':8} {figures['findings'] or ''}\n"
    )
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    sys.exit(main())
