"""Shapes on noise: learned pixel by pixel, exported, verified, and found again where there is no torch."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

import zoo
from zoo.cli.program import program
from zoo.data.masks import read_mask
from zoo.errors import Interrupted
from zoo.runtime import load
from zoo.runtime.verify import verify
from zoo.training import session
from zoo.training.progress import Progress

LABELS = ("background", "disc", "square")
WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "onnx", "spox", "pydantic", "torchmetrics"):
    sys.modules[name] = None
from zoo.cli import main
main()
"""


def draw(folder, number, random):
    """A picture with a disc and a square of nearly one brightness, its mask, and a border of which nothing is known."""
    width, height = (int(side) for side in random.integers(48, 72, 2))
    mask = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(mask)
    for kind in (1, 2):
        size = int(random.integers(16, 24))
        left, top = (int(random.integers(0, side - size)) for side in (width, height))
        (pen.ellipse if kind == 1 else pen.rectangle)((left, top, left + size, top + size), fill=kind)
    numbers = np.array(mask)
    levels = np.array([70, 190, 130])[numbers] + random.normal(0, 25, numbers.shape)
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number}.png")
    numbers[:2] = 255
    Image.fromarray(numbers).save(folder / "masks" / f"{number}.png")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(3)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    (folder / "labels.txt").write_text("\n".join(LABELS))
    for number in range(80):
        draw(folder, number, random)
    return folder


def recipe(shapes, **keys):
    return {
        "model": {"name": "unet", "width": 8, "levels": 3},
        "data": {"name": str(shapes), "size": 48},
        "optimizer": {"name": "adamw", "lr": 0.01},
        "batch_size": 8,
        "epochs": 8,
        "device": "cpu",
        **keys,
    }


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory, registry):
    return session.start(
        recipe(shapes),
        run_path=tmp_path_factory.mktemp("runs") / "run",
        registry=registry,
        progress=Progress(),
    )


@pytest.fixture(scope="module")
def model(run):
    return zoo.export(run.path).path


def test_shapes_on_noise_are_learned_to_most_of_their_pixels(run):
    metrics = run.status()["metrics"]["test"]
    assert metrics["mean_iou"] > 0.85
    assert metrics["accuracy"] > 0.95
    assert "mean_iou" in (run.path / "report.html").read_text()


def test_the_file_answers_as_the_network_and_is_as_good(run, model, shapes):
    certificate = load(model).certificate
    assert certificate.answers == ("mask", "margin")
    assert set(certificate.max_abs_error) == {"scores", "margin"}
    assert certificate.batch_sizes == (1, 2, 7, 16)
    for name, value in certificate.metrics["onnx"].items():
        assert value == pytest.approx(run.status()["metrics"]["test"][name], abs=1e-6)
    assert verify(model).num_examples == 16
    assert zoo.evaluate(model, data=str(shapes)).metrics["mean_iou"] > 0.85


def test_pictures_of_any_size_are_answered_at_their_own(model, shapes):
    paths = [shapes / "images" / f"{number}.png" for number in range(3)]
    answers = load(model).predict(paths)
    for path, mask, margin in zip(paths, answers["mask"], answers["margin"], strict=True):
        with Image.open(path) as opened:
            assert mask.shape == margin.shape == opened.size[::-1]
        assert mask.dtype == np.uint8
        assert 0 <= margin.min() <= margin.max() <= 1
        truth = read_mask(shapes / "masks" / path.name)
        assert (mask == truth)[truth != 255].mean() > 0.9


def without_torch(*words):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_process_without_torch_says_which_labels_it_sees_and_writes_the_masks(model, shapes, tmp_path):
    pictures = [shapes / "images" / f"{number}.png" for number in range(2)]
    said = without_torch("predict", model, *pictures, "--json", "--out", tmp_path / "masks")
    for line, picture in zip(said.stdout.splitlines(), pictures, strict=True):
        row = json.loads(line)
        assert row["input"] == str(picture)
        assert tuple(row["shares"]) == LABELS
        assert sum(row["shares"].values()) == pytest.approx(1)
        mask = read_mask(tmp_path / "masks" / picture.name)
        assert row["mask"] == str(tmp_path / "masks" / picture.name)
        assert (mask == 1).mean() == pytest.approx(row["shares"]["disc"])
    table = without_torch("predict", model, pictures[0], "--draw", tmp_path / "drawn.png")
    assert table.stdout.splitlines()[0].split() == ["input", "share", "of", "pixels"]
    assert "background 0." in table.stdout
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(pictures[0]) as given:
        assert drawn.size == given.size
        assert len(drawn.convert("RGB").getcolors(10_000)) > len(given.convert("RGB").getcolors(10_000))
    rows = without_torch("predict", model, *pictures, "--format", "csv").stdout.splitlines()
    assert rows[0] == "input,shares.background,shares.disc,shares.square"
    assert len(rows) == 3


def test_what_is_for_other_models_is_refused(model, shapes, capsys, tmp_path):
    picture = str(shapes / "images" / "0.png")
    assert program(["predict", str(model), picture, "--min-score", "0.5"]) == 2
    assert "--min-score is for boxes" in capsys.readouterr().err
    assert program(["train", "resnet", "--data", str(shapes), "--run", str(tmp_path / "new")]) == 2
    err = capsys.readouterr().err
    assert "the data's target is mask" in err
    assert "architectures that predict mask: " in err
    assert "unet" in err


class StopAt(Progress):
    def __init__(self, step):
        self.step = step

    def stepped(self, step, num_examples, losses):
        if step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def bytes_of(run):
    last = max(run.checkpoints_path.iterdir())
    files = {path.name: path.read_bytes() for path in last.iterdir()}
    return files | {"metrics": run.metrics_path.read_bytes(), "result": repr(run.status()["metrics"])}


def test_a_run_that_was_stopped_ends_in_the_bytes_of_one_that_was_not(shapes, tmp_path, registry):
    given = recipe(shapes, epochs=2, ema=0.9, accumulate=2)
    whole = session.start(given, run_path=tmp_path / "whole", registry=registry, progress=Progress())
    with pytest.raises(Interrupted):
        session.start(given, run_path=tmp_path / "run", registry=registry, progress=StopAt(9))
    assert bytes_of(zoo.resume(tmp_path / "run", registry=registry)) == bytes_of(whole)


def test_cropped_pictures_are_labelled_within_the_crop(shapes, tmp_path, registry):
    given = recipe(shapes, epochs=1, data={"name": str(shapes), "size": [32, 48], "fit": "crop"})
    run = session.start(given, run_path=tmp_path / "run", registry=registry, progress=Progress())
    picture = np.zeros((60, 60, 1), np.uint8)
    answers = load(zoo.export(run.path).path).predict([picture])
    assert (answers["mask"][0, :10] == 255).all()
    assert (answers["mask"][0, 50:] == 255).all()
    assert (answers["mask"][0, 10:50] < 3).all()
