"""Environments made from nothing, as a user makes them."""

import os
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 1200


def create(path: Path, *requirements: str) -> Path:
    """A virtual environment with these requirements; returns its Python.

    Raises:
        AssertionError: It cannot be made.
    """
    python = path / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(path)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
    ):
        said = run(*command)
        assert said.returncode == 0, f"{' '.join(command)}\n{said.stderr}"
    return python


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command that sees nothing of this environment."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    command = [str(word) for word in words]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )
