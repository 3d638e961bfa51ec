"""Every family trains, stops, resumes to the same bytes and exports; one trainer for all of them."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import zoo
from benchmarks.families import FAMILIES, write
from zoo.errors import Interrupted, UsageError
from zoo.runs import Run
from zoo.training import planning, session
from zoo.training.progress import Progress


class StopAt(Progress):
    def __init__(self, step):
        self.step = step

    def stepped(self, step, num_examples, losses):
        if step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("families"))


def start(family, folder, path, registry, progress=None, **keys):
    given = {**FAMILIES[family].recipe(folder), **keys}
    return session.start(given, run_path=path, registry=registry, progress=progress or Progress())


def outcome(run):
    last = max(run.checkpoints_path.iterdir())
    files = {path.name: path.read_bytes() for path in last.iterdir()}
    pictures = {path.name: path.read_bytes() for path in run.path.glob("samples-*.png")}
    return (
        files | pictures | {"metrics": run.metrics_path.read_bytes(), "result": repr(run.status()["metrics"])}
    )


KILLED = """
import json, os, pathlib, signal, sys, torch
from zoo.registry import Registry
from zoo.training import session
from zoo.training.progress import Progress

class KilledAt(Progress):
    def stepped(self, step, num_examples, losses):
        if step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
recipe, path = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
session.start(recipe, run_path=path, registry=Registry.discover(), progress=KilledAt())
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sample", "language"])
def test_a_family_killed_and_resumed_ends_in_the_bytes_of_a_run_that_never_stopped(
    family, folder, tmp_path, registry
):
    checkpoints = {"checkpoint": {"every": 2}}
    whole = outcome(start(family, folder, tmp_path / "whole", registry, **checkpoints))
    recipe = json.dumps({**FAMILIES[family].recipe(folder), **checkpoints})
    command = [sys.executable, "-c", KILLED, recipe, str(tmp_path / "run")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert Run(tmp_path / "run").status()["state"] == "running"
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == whole


@pytest.mark.slow
def test_distillation_resumes_bitwise_and_leaves_its_teacher_alone(folder, tmp_path, registry):
    teacher = zoo.train(
        {"name": "mlp", "hidden": [16]}, data="iris", epochs=2, device="cpu", run=tmp_path / "teacher"
    )
    keys = {
        "data": "iris",
        "epochs": 2,
        "device": "cpu",
        "objective": {"name": "distillation", "teacher": str(teacher.path)},
    }
    given = {"model": {"name": "mlp", "hidden": [4]}, **keys}
    whole = session.start(given, run_path=tmp_path / "whole", registry=registry, progress=Progress())
    with pytest.raises(Interrupted):
        session.start(given, run_path=tmp_path / "run", registry=registry, progress=StopAt(5))
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == outcome(whole)
    from zoo.training.trained import best_checkpoint

    final = best_checkpoint(Run(tmp_path / "whole")).model
    original = best_checkpoint(teacher).model
    for name, tensor in original.items():
        kept = final[name.replace("model/", "teacher/module.", 1)]
        assert np.array_equal(kept.numpy(), tensor.numpy())


@pytest.mark.slow
def test_a_generator_writes_a_grid_each_epoch_and_keeps_an_average_of_itself_alone(
    folder, tmp_path, registry
):
    run = start("sample", folder, tmp_path / "run", registry)
    assert len(list(run.path.glob("samples-*.png"))) == 2
    from zoo.training import checkpoints

    newest, _ = checkpoints.load_newest(run.checkpoints_path)
    averaged = {name.partition("@ema")[0] for name in newest.model if "@ema" in name}
    assert averaged == {"generator"}
    assert set(newest.state["optimizers"]) == {"generator", "discriminator"}


def test_a_player_has_an_optimizer_and_a_schedule_of_its_own(folder, tmp_path, registry):
    keys = {
        "epochs": 1,
        "optimizer": {"name": "adam", "lr": 1e-3, "discriminator": {"name": "sgd", "lr": 0.5}},
        "schedule": {"name": "constant", "generator": {"name": "cosine"}},
    }
    run = start("sample", folder, tmp_path / "run", registry, **keys)
    text = run.recipe_path.read_text()
    import tomllib

    recipe = tomllib.loads(text)
    assert (recipe["optimizer"]["generator"]["name"], recipe["optimizer"]["generator"]["lr"]) == (
        "adam",
        1e-3,
    )
    assert (recipe["optimizer"]["discriminator"]["name"], recipe["optimizer"]["discriminator"]["lr"]) == (
        "sgd",
        0.5,
    )
    assert recipe["schedule"]["generator"]["name"] == "cosine"
    assert recipe["schedule"]["discriminator"]["name"] == "constant"


def test_a_part_has_a_loss_and_a_weight_of_its_own(folder, tmp_path, registry):
    losses = {"price": {"name": "huber", "weight": 0.25}}
    run = start("several", folder, tmp_path / "run", registry, loss=losses, epochs=1)
    import tomllib

    loss = tomllib.loads(run.recipe_path.read_text())["loss"]
    assert (loss["kind"]["name"], loss["kind"]["weight"]) == ("binary-cross-entropy", 1.0)
    assert (loss["price"]["name"], loss["price"]["weight"]) == ("huber", 0.25)
    with pytest.raises(UsageError, match=r"unknown key 'loss\.prise'"):
        start("several", folder, tmp_path / "other", registry, loss={"prise": "huber"})
    with pytest.raises(UsageError, match=r"loss\.price\.weight=-1 is not a weight"):
        start("several", folder, tmp_path / "other", registry, loss={"price": {"weight": -1}})


def test_thresholds_are_tuned_on_validation_and_kept_with_the_best_checkpoint(folder, tmp_path, registry):
    run = start("labels", folder, tmp_path / "run", registry, epochs=4)
    from zoo.training.trained import load_network

    target = load_network(run, registry).preprocessing.encoded.target
    assert len(target.thresholds) == 2
    assert all(0 < threshold < 1 for threshold in target.thresholds)


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [(["Nakamura", "Tolstoy", "O'Brien"], "characters"), (["a cup of tea", "two cups", "Tea"], "words")],
)
def test_names_are_cut_into_characters_and_sentences_into_words(texts, tokens, tmp_path, registry):
    rows = "".join(
        f"{text} {number},{'yes' if number % 2 else 'no'}\n" for number in range(20) for text in texts
    )
    rows = rows if tokens == "words" else rows.replace(" ", "")
    (tmp_path / "texts.csv").write_text("text,label\n" + rows)
    data = {"name": str(tmp_path / "texts.csv")}
    planned = planning.plan({"model": "gru", "data": data}, registry)
    assert planning.wishes(planned, registry).tokenisation.tokens == tokens
