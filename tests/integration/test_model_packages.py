"""A trained model as a wheel: built from a run, and installed where there is no torch."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.environments import Environment
from zoo import api
from zoo.cli.program import program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained and exported run on small pictures, ``shapes``, and one of a table that is not exported."""
    folder = tmp_path_factory.mktemp("packages")
    random = np.random.default_rng(0)
    for label in ("dark", "light"):
        (folder / "photos" / label).mkdir(parents=True)
    for index in range(40):
        label = ("dark", "light")[index % 2]
        pixels = random.integers(0, 128, (8, 8), np.uint8) + 127 * (index % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "photos" / label / f"{index}.png")
    rows = [f"{x:.2f},{'a|b' if x > 0 else '<b>'}" for x in random.normal(size=40)]
    (folder / "table.csv").write_text("\n".join(["x,`kind`", *rows]) + "\n")
    run = api.train("perceptron", data=folder / "photos", run=folder / "shapes", epochs=40)
    api.export(run)
    api.train(
        "perceptron",
        data={"name": str(folder / "table.csv"), "target": "`kind`"},
        run=folder / "table",
        epochs=2,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(folder):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "zoo",
            "package",
            "shapes",
            "--name",
            "zoo-my-shapes",
            "--license",
            "MIT",
            "--json",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    path = folder / said.pop("wheel")
    assert said == {
        "distribution": "zoo-my-shapes",
        "model": "my-shapes",
        "wheel_bytes": path.stat().st_size,
        "model_bytes": (folder / "shapes" / "model.onnx").stat().st_size,
    }
    return path


@pytest.fixture(scope="module")
def bare(wheel, folder, tmp_path_factory):
    """An environment that holds the core, what it requires, and the installed wheel."""
    environment = Environment.of(tmp_path_factory.mktemp("bare"), "zoo-core", "pip")
    environment.pip("install", wheel)
    return environment


def read(wheel, name):
    with zipfile.ZipFile(wheel) as archive:
        [found] = [each for each in archive.namelist() if each.endswith(name)]
        return archive.read(found)


def test_the_wheel_holds_the_model_its_examples_its_certificate_and_a_card(wheel, folder):
    assert wheel.name == "zoo_my_shapes-1.0.0-py3-none-any.whl"
    for name in ("model.onnx", "model.golden.npz"):
        assert read(wheel, name) == (folder / "shapes" / name).read_bytes()
    certificate = json.loads(read(wheel, "certificate.json"))
    assert certificate["signature"]["target"]["labels"] == ["dark", "light"]
    card = read(wheel, "METADATA").decode()
    assert "Summary: perceptron trained on photos: label, one of dark, light" in card
    assert "License-Expression: MIT" in card
    assert "| zoo-feedforward | 0.1.0 |" in card
    assert f"| accuracy | {certificate['metrics']['onnx']['accuracy']:.6g} |" in card


def test_it_requires_the_runtime_and_nothing_else(wheel):
    lines = read(wheel, "METADATA").decode().splitlines()
    [requirement] = [line for line in lines if line.startswith("Requires-Dist: ")]
    assert requirement.startswith("Requires-Dist: zoo-core>=")
    assert read(wheel, "entry_points.txt").decode().split() == ["[zoo]", "my-shapes", "=", "zoo_my_shapes"]


def test_the_same_run_gives_the_same_bytes(wheel, folder, capsys):
    words = ["--name", "zoo-my-shapes", "--license", "MIT", "--output", str(folder / "again")]
    assert program(["package", str(folder / "shapes"), *words]) == 0
    assert "the wheel has" in capsys.readouterr().out
    [again] = (folder / "again").iterdir()
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, again)}
    assert len(digests) == 1


def test_where_it_is_installed_there_is_no_torch(bare):
    assert bare.python("-c", "import torch").returncode == 1
    assert bare.python("-c", "import onnx").returncode == 1
    bare.pip("check")


def test_once_installed_it_is_listed(bare):
    [row] = json.loads(bare.zoo("list", "models", "--json").stdout)
    assert (row["kind"], row["name"], row["plugin"]) == ("model", "my-shapes", "zoo-my-shapes")
    assert "models (1)\n  my-shapes" in bare.zoo("list").stdout


def test_it_is_verified_and_answers_by_its_name(bare, folder):
    assert json.loads(bare.zoo("verify", "my-shapes", "--json").stdout)["num_examples"] > 0
    pictures = [folder / "photos" / "dark" / "0.png", folder / "photos" / "light" / "1.png"]
    for name in ("my-shapes", "my-shapes/my-shapes", "zoo-my-shapes/my-shapes"):
        rows = [
            json.loads(line) for line in bare.zoo("predict", name, *pictures, "--json").stdout.splitlines()
        ]
        assert [row["label"] for row in rows] == ["dark", "light"]


def test_show_says_what_it_answers_how_well_and_what_it_was_made_with(bare):
    lines = bare.zoo("show", "my-shapes").stdout.splitlines()
    assert lines[0] == "my-shapes: model of zoo-my-shapes 1.0.0"
    told = dict(line.split(": ", 1) for line in lines[2:])
    assert told["takes"] == "image (image)"
    assert told["answers"] == "label, one of dark, light"
    assert told["metrics"].endswith("held-out examples")
    assert "zoo-feedforward 0.1.0" in told["made with"]
    assert told["file"].endswith("model.onnx")


def test_python_opens_it_too(bare, folder):
    code = "import sys, zoo_my_shapes; from zoo import runtime; print(*runtime.load(zoo_my_shapes.model()).predict(sys.argv[1])['label'])"
    done = bare.python("-c", code, folder / "photos" / "light" / "1.png")
    assert done.stdout == "light\n", done.stderr


def test_a_file_of_that_name_comes_first(bare):
    (bare.path / "my-shapes").write_text("not a model")
    done = bare.zoo("verify", "my-shapes", code=4)
    assert "my-shapes was not exported by Zoo" in done.stderr
    (bare.path / "my-shapes").unlink()


def test_an_unknown_name_is_answered_with_the_nearest_model_or_file(bare):
    done = bare.zoo("predict", "my-shape", "x.png", code=2)
    assert (
        "there is no model 'my-shape': it is neither a file nor the name of an installed model" in done.stderr
    )
    assert "did you mean 'my-shapes'?" in done.stderr
    (bare.path / "flowers.onnx").touch()
    assert "did you mean 'flowers.onnx'?" in bare.zoo("verify", "flowers", code=2).stderr
    (bare.path / "flowers.onnx").unlink()


def test_evaluate_judges_it_by_its_name(wheel, folder, tmp_path):
    environment = Environment.over_this_one(tmp_path)
    environment.pip("install", wheel)
    done = environment.zoo("evaluate", "my-shapes", "--data", folder / "photos", "--json")
    assert json.loads(done.stdout)["num_examples"] == 40
    done = environment.zoo("evaluate", "my-shape", "--data", folder / "photos", code=2)
    assert "did you mean 'my-shapes'?" in done.stderr
    environment.pip("uninstall", "--yes", "zoo-my-shapes")
    assert environment.zoo("list", "models").stdout == "nothing matches\n"


def test_a_run_that_was_not_exported_is_exported_first_and_names_are_no_markup(folder, capsys):
    assert (
        program(["package", str(folder / "table"), "--output", str(folder / "tables"), "--version", "2.1"])
        == 0
    )
    capsys.readouterr()
    assert (folder / "table" / "model.onnx").is_file()
    card = read(folder / "tables" / "zoo_table-2.1-py3-none-any.whl", "METADATA").decode()
    assert r"| answers | \`kind\`, one of \<b\>, a\|b |" in card


def test_a_model_that_is_older_than_its_run_is_refused(folder, capsys):
    os.utime(folder / "table" / "model.onnx", (0, 0))
    assert program(["package", str(folder / "table")]) == 2
    said = capsys.readouterr().err
    assert f"{folder / 'table'} was trained on after its model was exported" in said
    assert f"zoo export {folder / 'table'}; or package the file as it is" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--version", "one"], "'one' is not a version"),
        (["--license", "mine, all mine"], "the license is refused: "),
        (["--name", "Shapes"], "did you mean 'zoo-shapes'?"),
    ],
)
def test_what_pip_would_not_install_is_refused_before_anything_is_written(
    folder, words, message, tmp_path, capsys
):
    output = tmp_path / "dist"
    assert program(["package", str(folder / "shapes"), *words, "--output", str(output)]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_damaged_model_is_not_packaged(folder, tmp_path, capsys):
    content = bytearray((folder / "shapes" / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.onnx").write_bytes(content)
    assert program(["package", str(tmp_path / "model.onnx"), "--output", str(tmp_path / "dist")]) == 4
    assert "model.onnx is damaged" in capsys.readouterr().err
