"""Hostile files meet real commands in processes of their own, with bounded memory and time."""

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.payloads import CANARY
from zoo.cli.program import program

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

    The process has bounded addresses and processor time; a signal, a hang or an execution of a payload
    fails the test.
    """

    def run(*commands, space=8 * GIB, cpu_s=60):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (space, space))
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))

        commands = [[str(word) for word in words] for words in commands]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
        done = subprocess.run(
            [sys.executable, str(_CHILD)],
            input=json.dumps(commands),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=300,
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

    def run(*commands, codes=(2, 3, 4, 5, 6), within_s=5.0, within_bytes=GIB // 2, **limits):
        done = said(*commands, **limits)
        for each in done:
            assert each.code in codes, each
            assert each.code in DOCUMENTED, each
            assert "Traceback" not in each.err, each
            assert "internal error" not in each.err, each
            assert "error: " in each.err, each
            assert each.took_s < within_s, each
            assert each.grown_bytes < within_bytes, each
        return done

    return run


ROWS = [
    f"{i % 7 + i % 2 * 3 + i / 100:.2f},{i % 5 + 0.5},{('red', 'blue')[i % 3 % 2]},{'ab'[i % 2]}"
    for i in range(60)
]
TABLE = "\n".join(["length,width,colour,kind", *ROWS]) + "\n"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run on a table, exported."""
    place = tmp_path_factory.mktemp("finished")
    (place / "good.csv").write_text(TABLE)
    run = str(place / "run")
    data = str(place / "good.csv")
    train = [
        "train",
        "perceptron",
        "epochs=1",
        "optimizer=adam",
        "--run",
        run,
        "--data",
        data,
        "data.target=kind",
    ]
    assert program(train) == 0
    assert program(["export", run]) == 0
    return place


@pytest.fixture
def run(folder, finished):
    """A copy of that run, in the folder."""
    shutil.copytree(finished / "run", folder / "run")
    shutil.copy(finished / "good.csv", folder / "good.csv")
    return folder / "run"
