"""``pip install zoo-core`` into an empty environment: everything but training, without torch."""

import json
import shutil
import sys
import time
from pathlib import Path

import pytest

from acceptance import environments

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """The ``zoo`` of an environment that holds the built wheel and what it requires."""
    folder = tmp_path_factory.mktemp("core")
    built = environments.run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", ROOT, "--wheel-dir", folder
    )
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("zoo_core-*.whl")
    python = environments.create(folder / "env", str(wheel))
    return lambda *words: environments.run(python.with_name("zoo"), *words, cwd=folder)


@pytest.fixture(scope="module")
def model(done, tmp_path_factory):
    """A copy of an exported model and its golden examples, as they would be deployed."""
    folder = tmp_path_factory.mktemp("deployed")
    for name in ("model.onnx", "model.golden.npz"):
        shutil.copy(done("mlp on penguins").model.with_name(name), folder / name)
    return folder / "model.onnx"


def test_there_is_no_torch(core):
    said = core("train", "mlp", "--data", "iris")
    assert said.returncode == 6
    assert "pip install 'zoo-core[train]'" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("words", [["list"], ["plugins"], ["--help"], ["--version"], ["train", "--help"]])
def test_the_zoo_is_listed(core, words):
    said = core(*words)
    assert said.returncode == 0, said.stderr
    assert said.stdout


def test_a_model_is_verified_and_answers(core, model, shared, record):
    started_at = time.monotonic()
    verified, predicted = (
        core("verify", model),
        core("predict", model, shared / "penguins/penguins.csv", "--json"),
    )
    seconds = time.monotonic() - started_at
    assert verified.returncode == 0, verified.stderr
    assert predicted.returncode == 0, predicted.stderr
    rows = [json.loads(line) for line in predicted.stdout.splitlines()]
    record(
        "zoo-core alone: list, plugins, verify, predict",
        f"{len(rows)} answers",
        demanded="work; train exits 6",
        command="pip install zoo-core",
        seconds=seconds,
    )
    assert [row["label"] for row in rows[:3]] == ["Adelie"] * 3
    assert len(rows) == 344
