"""A compiled step is the same step: the same weights, the same refusals, and the same bytes after a resume."""

import inspect
import os
import signal

import pytest
import torch
from torch._inductor.exc import InductorError

import zoo
from tests.training.risky import write
from zoo.data.batches import epoch_order
from zoo.errors import Interrupted, NumericsError
from zoo.training import checkpoints, session, trees
from zoo.training.compiled import WholeStep
from zoo.training.progress import Progress

pytestmark = [
    pytest.mark.slow,
    # The compiler's own: modules and settings that it uses and that are to go one day.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

# 108 irises in batches of 16 are 7 steps an epoch, the last of another size; the first 12 are not compiled.
RECIPE = {
    "data": {"name": "iris"},
    "model": {"name": "mlp", "hidden": [8], "dropout": 0.2, "normalisation": "batch"},
    "epochs": 6,
    "batch_size": 16,
    "device": "cpu",
    "compile": True,
}


class Notes(Progress):
    def __init__(self, stop_at=None):
        self.said, self.stop_at = [], stop_at

    def note(self, message):
        self.said.append(message)

    def stepped(self, step, num_examples, losses):
        if step == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)


def start(path, registry, progress=None, **keys):
    given = {**RECIPE, **keys}
    return session.start(given, run_path=path, registry=registry, progress=progress or Notes())


def outcome(run):
    last = max(run.checkpoints_path.iterdir())
    files = {path.name: path.read_bytes() for path in last.iterdir()}
    return files | {"metrics": run.metrics_path.read_bytes(), "result": run.status()["metrics"]}


def weights(run):
    saved = checkpoints.load(run.checkpoints_path, max(checkpoints.steps(run.checkpoints_path)))
    return dict(sorted(saved.model.items()))


def test_compiled_steps_move_the_weights_as_the_loop_does(tmp_path, registry):
    plain = {"name": "mlp", "hidden": [8], "dropout": 0.0}
    notes = Notes()
    compiled = start(tmp_path / "compiled", registry, notes, model=plain, clip_norm=1.0)
    eager = start(tmp_path / "eager", registry, model=plain, clip_norm=1.0, compile=False)
    for name, tensor in weights(eager).items():
        torch.testing.assert_close(weights(compiled)[name], tensor, rtol=1e-4, atol=1e-6)
    [said] = notes.said
    assert said.startswith("compiled in ")
    assert " ms instead of " in said
    assert not torch._dynamo.config.trace_autograd_ops  # the compiler's settings end with the training


@pytest.mark.parametrize("keys", [{"ema": 0.9}, {"accumulate": 2}], ids=["whole step", "networks alone"])
@pytest.mark.parametrize("step", [5, 20], ids=["before compiling", "before a batch of another size"])
def test_a_compiled_run_that_was_stopped_resumes_bitwise(tmp_path, registry, step, keys):
    whole = start(tmp_path / "whole", registry, **keys)
    with pytest.raises(Interrupted):
        start(tmp_path / "run", registry, Notes(step), **keys)
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == outcome(whole)


def test_a_checkpoint_of_a_compiled_run_holds_the_rate_as_a_number(tmp_path, registry):
    run = start(tmp_path / "run", registry)
    saved = checkpoints.load(run.checkpoints_path, max(checkpoints.steps(run.checkpoints_path)))
    [group] = trees.unflatten(saved.state["optimizers"]["model"], saved.optimizer)["param_groups"]
    assert isinstance(group["lr"], float)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"accumulate": 2}, "a batch is cut into micro-batches"),
        ({"optimizer": "lbfgs"}, "the optimizer evaluates the loss itself"),
        ({"optimizer": "muon"}, ""),
    ],
    ids=["accumulate", "lbfgs", "muon"],
)
def test_where_the_whole_step_cannot_be_compiled_the_networks_are_and_the_reason_is_told(
    tmp_path, registry, keys, reason
):
    notes = Notes()
    start(tmp_path / "run", registry, notes, epochs=3, **keys)
    assert f"compile=true compiles the networks, not the whole step: {reason}" in notes.said[0]


def test_where_the_compiler_itself_fails_the_networks_are_compiled_and_the_reason_is_told(
    tmp_path, registry, monkeypatch
):
    def fail(self, micro_batches):
        raise InductorError(AssertionError("of the compiler's own"), inspect.currentframe())

    monkeypatch.setattr(WholeStep, "__call__", fail)
    notes = Notes()
    assert start(tmp_path / "run", registry, notes, epochs=3).status()["state"] == "finished"
    assert "not the whole step: InductorError: " in notes.said[0]
    assert "of the compiler's own" in notes.said[0]


def test_a_compiled_step_that_is_not_finite_moves_nothing(tmp_path, risky):
    # In batches of 4, 60 rows are 15 steps; the marked one is in the last but one.
    marked = int(epoch_order(60, seed=0, epoch=0)[-6])
    keys = {"data": {"name": write(tmp_path, [marked])}, "model": "overflowing", "batch_size": 4, "epochs": 1}
    with pytest.raises(NumericsError) as caught:
        start(tmp_path / "stopped", risky, **keys)
    assert caught.value.message.startswith("step 13 (epoch 1): the loss of 'model' is ")
    assert f"examples data.npz train {marked}" in caught.value.message
    run = start(tmp_path / "skipped", risky, **keys, on_nonfinite="skip")
    assert run.status()["num_skipped"] == 1
    assert int(weights(run)["model/norm.num_batches_tracked"]) == 14
    assert all(torch.isfinite(tensor).all() for tensor in weights(run).values())


def test_every_optimizer_that_compiles_whole_ends_near_the_loop(tmp_path, registry):
    model = {"name": "mlp", "hidden": [4], "dropout": 0.0}
    for name in ("adam", "adamw", "sgd", "rmsprop"):
        both = [
            start(tmp_path / f"{name}-{on}", registry, model=model, optimizer=name, epochs=3, compile=on)
            for on in (True, False)
        ]
        compiled, eager = map(weights, both)
        for key, tensor in eager.items():
            torch.testing.assert_close(compiled[key], tensor, rtol=1e-4, atol=1e-6)
