"""The main job on a GPU, typed as a user would; what it leaves is used where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "digits"
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": ""}


def zoo(*words, **environment):
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    zoo("train", "convnet", "--data", "digits", "--run", path, "device=cuda", "epochs=15")
    return path


def metrics(run):
    return json.loads((run / "status.json").read_text())["metrics"]["test"]


def test_it_learns_there(run):
    assert metrics(run)["accuracy"] > 0.95


def test_what_was_trained_there_is_exported_proven_and_answers_where_there_is_no_gpu(run):
    zoo("export", run, **WITHOUT_GPU)
    zoo("verify", run / "model.onnx", **WITHOUT_GPU)
    assert zoo("predict", run / "model.onnx", EXAMPLES, **WITHOUT_GPU)


def test_it_is_judged_the_same_where_there_is_no_gpu(run):
    shown = json.loads(zoo("evaluate", run, "--json", **WITHOUT_GPU))
    assert shown["metrics"]["accuracy"] == pytest.approx(metrics(run)["accuracy"], abs=0.01)


def test_it_goes_on_where_there_is_no_gpu_and_back(run):
    zoo("resume", run, "epochs=16", "device=cpu", **WITHOUT_GPU)
    zoo("resume", run, "epochs=17", "device=cuda")
    assert json.loads((run / "status.json").read_text())["epoch"] == 17
