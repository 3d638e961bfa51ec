"""A step on a GPU: the same weights as on the CPU, the same bytes twice, and the same refusals, found later."""

import contextlib
import math
import os
import signal

import pytest
import torch

import zoo
from benchmarks.bridges import registry_without_bridges
from benchmarks.families import FAMILIES, write
from benchmarks.resume_matrix.trial import outcome
from tests.training import risky
from zoo.data.batches import epoch_order
from zoo.errors import Interrupted, NumericsError
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import checkpoints, encoded
from zoo.training.progress import Progress

pytestmark = [
    # The compiler's own: modules and settings that it uses and that are to go one day.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    # What PyTorch has to say of a GPU is another matter than what its steps do.
    pytest.mark.filterwarnings("default::UserWarning"),
]
STEADY = {"device": "cuda", "deterministic": True}


class Watched(Progress):
    """Keeps what is said, and stops after a step."""

    def __init__(self, stop_at=None):
        self.noted, self.warned, self.stop_at = [], [], stop_at

    def note(self, message):
        self.noted.append(message)

    def warn(self, message):
        self.warned.append(message)

    def stepped(self, step, num_examples, losses):
        if step == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="module")
def registry():
    found = registry_without_bridges()
    return Registry(plugins=[*found.plugins, risky.plugin()])


def train(path, registry, model="mlp", progress=None, **keys):
    given = {"data": "iris", "epochs": 4, "batch_size": 16, "device": "cuda", **keys}
    return zoo.train(model, run=path, registry=registry, progress=progress or Progress(), **given)


def weights(run, step=None):
    step = step or max(checkpoints.steps(run.checkpoints_path))
    return checkpoints.load(run.checkpoints_path, step).model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_there_and_is_exported_and_proven(family, folder, registry, tmp_path):
    recipe = {**FAMILIES[family].recipe(folder), "device": "cuda"}
    run = zoo.train(recipe.pop("model"), run=tmp_path / "run", registry=registry, **recipe)
    for number in run.status()["metrics"]["test"].values():
        assert math.isfinite(number)
    assert zoo.export(run.path, registry=registry).path.is_file()


@pytest.mark.parametrize(
    "keys", [{}, {"accumulate": 2, "clip_norm": 1.0}, {"ema": 0.9}, {"optimizer": "adagrad"}], ids=str
)
def test_the_weights_are_those_of_the_cpu(keys, registry, tmp_path):
    model = {"name": "mlp", "hidden": [16], "dropout": 0.0, "normalisation": "batch"}
    keys = {"epochs": 2, **keys}
    expected = weights(train(tmp_path / "expected", registry, model, **{**keys, "device": "cpu"}))
    for name, tensor in weights(train(tmp_path / "found", registry, model, **keys)).items():
        torch.testing.assert_close(tensor.cpu(), expected[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns(precision, registry, tmp_path):
    run = train(tmp_path / "run", registry, "convnet", data="digits", epochs=10, precision=precision)
    assert run.status()["metrics"]["test"]["accuracy"] > 0.9


def test_data_that_is_too_large_for_the_gpu_is_sent_batch_by_batch_to_the_same_bytes(
    registry, tmp_path, monkeypatch
):
    resident = train(tmp_path / "resident", registry, "convnet", data="digits", epochs=2, **STEADY)
    monkeypatch.setattr(encoded, "_DEVICE_SHARE", 0)
    sent = train(tmp_path / "sent", registry, "convnet", data="digits", epochs=2, **STEADY)
    assert outcome(sent) == outcome(resident)


@pytest.mark.parametrize("compiles", [False, True], ids=["eager", "compiled"])
def test_a_step_that_is_not_finite_is_found_later_and_told_as_it_was(compiles, registry, tmp_path):
    # In batches of 4, 60 rows are 15 steps; the marked one is in the last but one of the first epoch.
    marked = int(epoch_order(60, seed=0, epoch=0)[-6])
    keys = {"data": risky.write(tmp_path, marked=[marked]), "batch_size": 4, "epochs": 3, "compile": compiles}
    with pytest.raises(NumericsError) as caught:
        train(tmp_path / "run", registry, "overflowing", **keys, checkpoint={"every": 10})
    assert caught.value.message.startswith("step 13 (epoch 1): ")
    assert compiles or "a loss or a gradient is not finite" in caught.value.message
    assert "the first bad tensor is the output of 'model' risky (Risky)" in caught.value.message
    assert f"examples data.npz train {marked}" in caught.value.message
    run = Run(tmp_path / "run")
    assert checkpoints.steps(run.checkpoints_path) == [10]
    assert all(torch.isfinite(tensor).all() for tensor in weights(run).values())


@pytest.mark.parametrize("compiles", [False, True], ids=["eager", "compiled"])
def test_a_step_that_is_not_finite_is_skipped_and_counted(compiles, registry, tmp_path):
    watched = Watched()
    keys = {"data": risky.write(tmp_path, marked=[20]), "batch_size": 4, "epochs": 2, "compile": compiles}
    run = train(tmp_path / "run", registry, "overflowing", watched, on_nonfinite="skip", **keys)
    assert run.status()["num_skipped"] == 2
    assert len(watched.warned) == 2
    assert int(weights(run)["model/norm.num_batches_tracked"]) == 28


COMPILED = {
    "adamw": {"epochs": 6},
    "sgd": {"epochs": 6, "optimizer": {"name": "sgd", "momentum": 0.9}},
    "average": {"epochs": 6, "ema": 0.9},
    "clipped": {"epochs": 6, "clip_norm": 0.5},
    "pictures": {"data": "digits", "model": "convnet", "epochs": 2, "batch_size": 64, "precision": "bf16"},
    "sequences": {"data": "groups.csv", "model": {"name": "lstm", "hidden": 6}, "epochs": 12},
}


def compiled(path, folder, registry, progress=None, *, case, **keys):
    recipe = {**COMPILED[case], **keys}
    if recipe.get("data") == "groups.csv":
        recipe["data"] = {"name": str(folder / "groups.csv"), "group": "id", "target": "label"}
    model = recipe.pop("model", {"name": "mlp", "hidden": [16], "dropout": 0.2, "normalisation": "batch"})
    return train(path, registry, model, progress, compile=True, **recipe)


@pytest.mark.parametrize("case", [case for case in COMPILED if case != "sequences"])
def test_a_compiled_step_is_replayed_as_a_cuda_graph(case, folder, registry, tmp_path, monkeypatch):
    replay, replayed = torch.cuda.CUDAGraph.replay, []
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: (replay(graph), replayed.append(graph)))
    watched = Watched()
    run = compiled(tmp_path / "run", folder, registry, watched, case=case)
    assert not any("not the whole step" in said for said in watched.noted), watched.noted
    # The first dozen is not compiled; each of the two shapes of a batch is tried once before it is captured.
    assert len(replayed) >= run.status()["step"] - 12 - 2 * 2


@pytest.mark.parametrize("case", ["adamw", "sgd", "clipped"])
def test_compiled_steps_move_the_weights_as_the_loop_does(case, folder, registry, tmp_path):
    model = {"name": "mlp", "hidden": [16], "dropout": 0.0, "normalisation": "batch"}
    runs = {
        on: train(tmp_path / str(on), registry, model, **COMPILED[case], compile=on) for on in (True, False)
    }
    for name, tensor in weights(runs[False]).items():
        torch.testing.assert_close(weights(runs[True])[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("case", COMPILED)
def test_a_compiled_run_that_was_stopped_resumes_bitwise(case, folder, registry, tmp_path):
    whole = compiled(tmp_path / "whole", folder, registry, case=case, deterministic=True)
    with contextlib.suppress(Interrupted):
        compiled(tmp_path / "run", folder, registry, Watched(20), case=case, deterministic=True)
        pytest.fail("it was never stopped")
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == outcome(whole)
