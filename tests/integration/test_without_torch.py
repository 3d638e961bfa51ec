"""What runs where only ``zoo-core`` is installed: other libraries are there and refuse to be imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo import api
from zoo.cli.program import program
from zoo.registry import TRAIN_EXTRA

BLOCKED = sorted(TRAIN_EXTRA - {"annotated_types"} | {"scipy", "ml_dtypes", "google.protobuf", "pandas"})
BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        for blocked in {BLOCKED!r}:
            if name == blocked or name.startswith(blocked + "."):
                raise ModuleNotFoundError(f"No module named {{blocked!r}}", name=blocked)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Runs ``zoo`` in a process that can import nothing but what ``zoo-core`` requires."""
    folder = tmp_path_factory.mktemp("blocker")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def run(*words):
        command = [sys.executable, "-c", "from zoo.cli import main; main()", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Exported models for pictures, table rows and vectors, with an input file each."""
    folder = tmp_path_factory.mktemp("models")
    random = np.random.default_rng(0)
    labels = np.array(["left", "right"] * 30)
    vectors = random.normal(size=(60, 4)).astype(np.float32)
    np.savez(folder / "vector.npz", x=vectors, y=labels)
    rows = [f"{number:.3f},{label}" for number, label in zip(vectors[:, 0], labels, strict=True)]
    (folder / "table.csv").write_text("\n".join(["size,side", *rows]) + "\n")
    for label in set(labels):
        (folder / "photos" / label).mkdir(parents=True)
    for index, label in enumerate(labels):
        pixels = random.integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / label / f"{index}.png")
    for name, source in (
        ("vector", {"name": str(folder / "vector.npz")}),
        ("table", {"name": str(folder / "table.csv"), "target": "side"}),
        ("pictures", {"name": str(folder / "photos")}),
    ):
        api.export(api.train("perceptron", data=source, run=folder / name, epochs=1))
    return folder


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["plugins"], ["--help"], ["--version"], ["train", "--help"]]
)
def test_the_zoo_is_listed(bare, words):
    said = bare(*words)
    assert said.returncode == 0, said.stderr
    assert said.stdout
    assert said.stderr == ""


def test_the_listing_is_the_same_as_with_torch(bare, capsys):
    assert program(["list", "--json"]) == 0
    assert json.loads(bare("list", "--json").stdout) == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("model", "given", "num_answers"),
    [("pictures", "photos/left", 30), ("table", "table.csv", 60), ("vector", "vector.npz", 60)],
)
def test_a_model_is_verified_and_answers(bare, models, model, given, num_answers):
    verified = bare("verify", models / model / "model.onnx", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["num_examples"] > 0
    predicted = bare("predict", models / model / "model.onnx", models / given, "--json")
    assert predicted.returncode == 0, predicted.stderr
    rows = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert len(rows) == num_answers
    assert {row["label"] for row in rows} <= {"left", "right"}


@pytest.mark.parametrize(
    "words",
    [
        ["train", "mlp", "--data", "iris"],
        ["resume", "vector"],
        ["export", "vector"],
        ["evaluate", "vector"],
        ["show", "mlp"],
    ],
    ids=lambda words: words[0],
)
def test_what_needs_torch_says_what_to_install(bare, models, words, monkeypatch):
    monkeypatch.chdir(models)
    said = bare(*words)
    assert said.returncode == 6
    assert said.stdout == ""
    error, fix = said.stderr.splitlines()
    assert error.endswith("which is not installed")
    assert fix == "fix: pip install 'zoo-core[train]'"
    assert not Path("runs").exists()
