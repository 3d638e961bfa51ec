"""Runs that are reopened, and runs that never should have begun."""

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ArtifactError, DataError, PluginError, UsageError
from zoo.hookspecs import hookimpl
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import checkpoints


@pytest.fixture
def run(tmp_path):
    return zoo.train("perceptron", data="iris", epochs=4, run=tmp_path / "run")


def damage(run, step):
    path = run.checkpoints_path / f"step-{step:08d}" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("use", [zoo.export, zoo.evaluate])
def test_an_older_checkpoint_never_stands_in_for_a_damaged_one(run, use):
    damage(run, checkpoints.steps(run.checkpoints_path)[-1])
    with pytest.raises(ArtifactError, match=r"model\.safetensors differs from its SHA-256") as caught:
        use(run)
    assert "zoo resume" in caught.value.fix
    assert not run.model_path.exists()


def test_a_picture_broken_in_the_test_split_alone_is_found_before_anything_is_written(tmp_path):
    for split in ("train", "test"):
        for label in ("dark", "light"):
            folder = tmp_path / "pictures" / split / label
            folder.mkdir(parents=True)
            for number in range(6):
                pixels = np.full((9, 9), (200 if label == "light" else 20) + number, np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "pictures" / "test" / "dark" / "3.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1 of 24 pictures cannot be read:\n.*3\.png"):
        zoo.train("perceptron", data=tmp_path / "pictures", epochs=1, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("split", "purpose"), [("validation", "choose the best"), ("test", "prove an export")]
)
def test_a_split_that_is_needed_cannot_be_left_out(tmp_path, split, purpose):
    data = {"name": "iris", split: 0}
    with pytest.raises(UsageError, match=f"data.{split}=0 leaves nothing to {purpose}"):
        zoo.train("perceptron", data=data, epochs=1, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_fails_is_named_and_the_run_says_so(tmp_path):
    class Tracker:
        @hookimpl
        def zoo_metrics_logged(self, step, metrics):
            raise ConnectionError("nobody answers")

    registry = Registry.discover()
    registry.hooks.register(Tracker(), name="zoo-tracker")
    with pytest.raises(PluginError, match="zoo_metrics_logged of plugin zoo-tracker failed: ConnectionError"):
        zoo.train("perceptron", data="iris", epochs=1, run=tmp_path / "run", registry=registry)
    assert Run(tmp_path / "run").status()["state"] == "failed"


def test_trackers_hear_of_the_start_each_validation_and_the_end(tmp_path):
    heard = []

    class Tracker:
        @hookimpl
        def zoo_run_started(self, run):
            heard.append("started")

        @hookimpl
        def zoo_metrics_logged(self, step, metrics):
            heard.append((step, sorted(metrics)))

        @hookimpl
        def zoo_run_finished(self, run):
            heard.append(run.status()["state"])

    registry = Registry.discover()
    registry.hooks.register(Tracker())
    zoo.train("perceptron", data="iris", epochs=2, run=tmp_path / "run", registry=registry)
    names = ["train_loss", "validation_accuracy", "validation_loss", "validation_macro_f1"]
    assert heard == ["started", (4, names), (8, names), "finished"]
