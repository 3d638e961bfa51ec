"""The plugin tutorial as a stranger follows it: ``python -m benchmarks.tutorial``.

Every command of the page is typed as it stands, in an empty folder and an environment of its own. There is
no network: where the reader's pip would fetch what is required, it finds what is installed here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from tests.docs.pages import ROOT, blocks_of, commands_of, require_shown
from tests.environments import Environment, furnish

PAGE = ROOT / "docs" / "tutorials" / "write-a-plugin.md"
SOURCES = ("__init__.py", "network.py")
_MAKES_ENVIRONMENT = "python -m venv "
_TIMEOUT_S = 600


def follow(folder: Path) -> dict[str, Any]:
    """Types the page's commands in a folder; what they took, and the lines that were written.

    Raises:
        AssertionError: A command fails, or does not print what the page shows.
    """
    home = Environment.over_this_one(folder)
    environ = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PATH": os.pathsep.join([str(home.bin), os.environ["PATH"]]),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "false",  # which is how pip is told not to isolate
        "PIP_NO_INDEX": "1",
    }
    # A clone holds the example pictures.
    shutil.copytree(ROOT / "examples" / "digits", folder / "examples" / "digits")
    rows = []
    for block in blocks_of(PAGE):
        for command, shown in commands_of(block):
            begun = time.perf_counter()
            output = _run(command, folder, environ)
            rows.append({"command": command, "seconds": round(time.perf_counter() - begun, 1)})
            require_shown(shown, output, f"{PAGE.name}, block at line {block.line}: {command}")
            if command.startswith(_MAKES_ENVIRONMENT):
                furnish(folder / command.removeprefix(_MAKES_ENVIRONMENT))
    package = folder / "zoo-mynet" / "src" / "zoo_mynet"
    return {
        "num_commands": len(rows),
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
        "source_lines": {name: len((package / name).read_text().splitlines()) for name in SOURCES},
        "commands": rows,
    }


def _run(command: str, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}"
    return done.stdout


def main() -> int:
    """Follows the page, prints what each command took, and keeps the figures."""
    about = machine.about()
    with tempfile.TemporaryDirectory() as folder:
        found = follow(Path(folder))
    for row in found["commands"]:
        print(f"{row['seconds']:7.1f} s  {row['command']}")
    lines = ", ".join(f"{name} {count} lines" for name, count in found["source_lines"].items())
    print(f"{found['num_commands']} commands, {found['minutes']} minutes; {lines}")
    machine.keep("tutorial", {"machine": about, **found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
