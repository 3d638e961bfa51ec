"""Hostile files meet real commands in processes of their own, with bounded memory and time."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.payloads import CANARY

GIB = 2**30
DOCUMENTED = {0, 2, 3, 4, 5, 6, 7, 8}
_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Said:
    """What one command did."""

    words: list
    code: int
    err: str
    out: str
    took_s: float
    grown_bytes: int


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(folder):
    """Runs commands one after another in one process of its own, in the folder; what each of them said.

    The process may take 4 GiB of addresses (plus what torch maps) and a minute of processor time; a signal,
    a hang or an execution of a payload fails the test.
    """

    def run(*commands, space=8 * GIB, cpu_s=60):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (space, space))
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))

        commands = [[str(word) for word in words] for words in commands]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
        done = subprocess.run(
            [sys.executable, str(_CHILD), json.dumps(commands)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=120,
            preexec_fn=limit,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"words"')]
        assert done.returncode == 0, (commands[len(lines) :][:1], done.returncode, done.stderr[-2000:])
        assert not (folder / CANARY).exists()
        return [Said(**line) for line in lines]

    return run


@pytest.fixture
def refused(said):
    """Commands that must each be refused: by a documented code, in words, quickly, without memory."""

    def run(*commands, codes=(2, 3, 4, 5, 6), within_s=10.0, within_bytes=GIB // 2, **limits):
        for each in said(*commands, **limits):
            assert each.code in codes, each
            assert each.code in DOCUMENTED, each
            assert "Traceback" not in each.err, each
            assert "internal error" not in each.err, each
            assert "error: " in each.err, each
            assert each.took_s < within_s, each
            assert each.grown_bytes < within_bytes, each
            yield each

    return lambda *commands, **limits: list(run(*commands, **limits))
