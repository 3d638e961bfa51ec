"""Start-up of ``zoo train`` to the end of its first step against ``import torch``: ``python -m benchmarks.first_step``.

The network is a plugin's whose second forward in training ends the process, so that what is timed is the
command as users start it, from nothing to one step done. The two take turns. Bytecode is cached in a folder
of its own, as pip leaves it beside installed modules. A further run under ``-X importtime`` tells which
packages the time beyond torch goes to.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, page

LIMIT_S = 1.0
COLUMNS = {
    "command": "command",
    "clock_s": "clock, s",
    "process_s": "process time, s",
    "over_s": "beyond torch, clock, s",
}
PLUGIN = '''
"""A network whose second forward in training ends the process."""
from zoo.plugin import Architecture, hookimpl

@hookimpl
def zoo_register():
    return [Architecture(name="bench-first", factory="bench_first_network:First", summary="", accepts=("vector",), predicts=("classes",))]
'''
NETWORK = """
import os
import torch

class First(torch.nn.Module):
    def __init__(self, signature):
        super().__init__()
        self.scores = torch.nn.Linear(signature.inputs[0].shape[0], signature.outputs[0].shape[0])
        self.num_forwards = 0

    def forward(self, x):
        self.num_forwards += self.training
        if self.num_forwards == 2:
            os._exit(0)
        return self.scores(x)
"""
ZOO = [sys.executable, "-c", "from zoo.cli import main; main()"]


def install(site: Path) -> None:
    """Writes the plugin as pip leaves one."""
    (site / "bench_first.py").write_text(PLUGIN)
    (site / "bench_first_network.py").write_text(NETWORK)
    info = site / "bench_first-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-first\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nbench-first = bench_first\n")


def commands(folder: Path) -> dict[str, list[str]]:
    """What is timed; the first is what the others are compared with."""
    train = [*ZOO, "train", "bench-first", "--data", "digits", "device=cpu", "--run", str(folder / "run")]
    return {
        'python -c "import torch"': [sys.executable, "-c", "import torch, os; os._exit(0)"],
        "zoo train, to the end of the first step": train,
    }


def timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of the clock and of the process and its children."""
    before, started_at = os.times(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    wall, after = time.perf_counter() - started_at, os.times()
    if done.returncode:
        sys.exit(done.stderr)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def imports(command: Sequence[str], environment: Mapping[str, str]) -> list[tuple[str, float, str]]:
    """Milliseconds of importing each package, torch's and the standard library's apart, the slowest first."""
    words = [command[0], "-X", "importtime", *command[1:]]
    log = subprocess.run(words, env=environment, capture_output=True, text=True).stderr
    own: dict[str, float] = defaultdict(float)
    first: dict[str, str] = {}
    for line in log.splitlines():
        found = re.match(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)([\w.]+)$", line)
        if found:
            package = found[4].partition(".")[0]
            own[package] += int(found[1]) / 1000
            first.setdefault(package, found[4])
    known = {name: ms for name, ms in own.items() if name not in sys.stdlib_module_names}
    known["standard library"] = sum(ms for name, ms in own.items() if name in sys.stdlib_module_names)
    return sorted(
        ((name, round(ms, 1), first.get(name, "")) for name, ms in known.items()), key=lambda each: -each[1]
    )


def main() -> int:
    """Measures, prints tables, keeps the figures; 1 if it takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {}
    with TemporaryDirectory() as site:
        install(Path(site))
        path = os.pathsep.join([site, *filter(None, [os.environ.get("PYTHONPATH")])])
        bytecode = {"PYTHONPYCACHEPREFIX": f"{site}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        environment = {**os.environ, **bytecode, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        for turn in range(given.rounds + 1):
            with TemporaryDirectory() as folder:
                for name, command in commands(Path(folder)).items():
                    pair = timed(command, environment)
                    if turn:
                        measured.setdefault(name, []).append(pair)
        bare, train = (list(command) for command in commands(Path(site) / "importing").values())
        packages, torch_alone = imports(train, environment), imports(bare, environment)
    rows = table(measured)
    for row in rows:
        print(row)
    alone = {name: ms for name, ms, _ in torch_alone}
    beyond = sorted(
        ((name, round(ms - alone.get(name, 0.0), 1)) for name, ms, _ in packages), key=lambda each: -each[1]
    )
    print("imports beyond torch's own, ms:", beyond[:20])
    if not given.dry:
        text = ", ".join(f"{name} {ms:.0f}" for name, ms in beyond[:8])
        note = f"Median of {given.rounds} runs each. Milliseconds of imports beyond torch's own: {text}."
        kept = {**machine.about(), "limit_s": LIMIT_S, "note": note, "columns": COLUMNS, "rows": rows}
        machine.keep("first_step", {**kept, "imports_ms": dict(beyond[:20])})
        page.write()
    return int(rows[-1]["over_s"] > LIMIT_S)


def table(measured: Mapping[str, Sequence[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Medians, and of what goes beyond torch the median over the rounds."""
    base = next(iter(measured.values()))
    return [
        {
            "command": f"`{name}`" if name.startswith("python") else name,
            "clock_s": round(median(wall for wall, _ in pairs), 2),
            "process_s": round(median(cpu for _, cpu in pairs), 2),
            "over_s": round(
                median(wall - other for (wall, _), (other, _) in zip(pairs, base, strict=True)), 2
            ),
            "over_process_s": round(
                median(cpu - other for (_, cpu), (_, other) in zip(pairs, base, strict=True)), 2
            ),
        }
        for name, pairs in measured.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
