"""Start-up of the command line against ``python -c "import click"``: ``python -m benchmarks.startup``.

The commands take turns, so that a busy machine slows all alike; the ratio of the medians must be at most 3.
Bytecode is cached in a folder of its own, as pip leaves it beside installed modules.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RESULT = Path(__file__).parent / "results" / "startup.json"
ZOO = str(Path(sys.executable).with_name("zoo"))
COMMANDS = {
    'python -c "import click"': [sys.executable, "-c", "import click"],
    "zoo --help": [ZOO, "--help"],
    "zoo list": [ZOO, "list"],
    "zoo plugins": [ZOO, "plugins"],
}
REPEATS = 20
LIMIT = 3.0


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall-clock time of one process."""
    started_at = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started_at


def measure() -> dict[str, list[float]]:
    """Wall-clock times of every command, after one run that fills the cache."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        for command in COMMANDS.values():
            seconds(command, environment)
        for _ in range(REPEATS):
            for name, command in COMMANDS.items():
                times[name].append(seconds(command, environment))
    return times


def main() -> int:
    """Measures, prints a table, keeps the figures; 1 if a command is over the limit."""
    times = measure()
    medians = {name: median(each) for name, each in times.items()}
    reference = medians[next(iter(COMMANDS))]
    rows = [
        {"command": name, "median_ms": round(1000 * each, 1), "ratio": round(each / reference, 2)}
        for name, each in medians.items()
    ]
    for row in rows:
        print(f"{row['command']:26} {row['median_ms']:7.1f} ms  {row['ratio']:5.2f} x")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"repeats": REPEATS, "limit": LIMIT, "rows": rows}, indent=2) + "\n")
    return int(max(medians.values()) / reference > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
