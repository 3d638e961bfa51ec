"""Start-up of the command line against ``python -c "import click"``: ``python -m benchmarks.startup``.

The commands take turns, so that a busy machine slows all alike; the ratio of the medians must be at most 3,
and at most 4 beside a plugin of 1,500 entries. Bytecode is cached in a folder of its own, as pip leaves it
beside installed modules.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import many_entries

RESULT = Path(__file__).parent / "results" / "startup.json"
ZOO = str(Path(sys.executable).with_name("zoo"))
_MANY = f"with {many_entries.NUM_ENTRIES:,} further entries"
COMMANDS = {
    'python -c "import click"': [sys.executable, "-c", "import click"],
    "zoo --help": [ZOO, "--help"],
    "zoo list": [ZOO, "list"],
    "zoo plugins": [ZOO, "plugins"],
    f"zoo list, {_MANY}": [ZOO, "list"],
    f"zoo list architectures, {_MANY}": [ZOO, "list", "architectures"],
}
REPEATS = 20
LIMIT = 3.0
LIMIT_OF_MANY = 4.0


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall-clock time of one process."""
    started_at = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started_at


def measure() -> dict[str, list[float]]:
    """Wall-clock times of every command, after one run that fills the cache."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        many_entries.install(Path(folder, "site"))
        caches = {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "XDG_CACHE_HOME": f"{folder}/cache"}
        usual = {**os.environ, **caches, "PYTHONDONTWRITEBYTECODE": ""}
        paths = [str(Path(folder, "site")), *filter(None, [os.environ.get("PYTHONPATH")])]
        beside_many = {**usual, "PYTHONPATH": os.pathsep.join(paths)}
        for turn in range(REPEATS + 1):
            for name, command in COMMANDS.items():
                elapsed_s = seconds(command, beside_many if _MANY in name else usual)
                if turn:  # the first fills the caches
                    times[name].append(elapsed_s)
    return times


def limit(name: str) -> float:
    """How many times the reference a command may take."""
    return LIMIT_OF_MANY if _MANY in name else LIMIT


def main() -> int:
    """Measures, prints a table, keeps the figures; 1 if a command is over the limit."""
    times = measure()
    medians = {name: median(each) for name, each in times.items()}
    reference = medians[next(iter(COMMANDS))]
    rows = [
        {
            "command": name,
            "median_ms": round(1000 * each, 1),
            "ratio": round(each / reference, 2),
            "limit": limit(name),
        }
        for name, each in medians.items()
    ]
    for row in rows:
        print(f"{row['command']:54} {row['median_ms']:7.1f} ms  {row['ratio']:5.2f} x")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"repeats": REPEATS, "rows": rows}, indent=2) + "\n")
    return int(any(row["ratio"] > row["limit"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
