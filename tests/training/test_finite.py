"""Numbers that are not finite: found before anything moves, told by step, example and tensor, or skipped."""

import json
import math

import pytest
import torch

import zoo
from tests.training.risky import write
from zoo.errors import NumericsError
from zoo.runs import Run
from zoo.training import checkpoints
from zoo.training.finite import Buffers, Watch, first_bad_weight
from zoo.training.progress import Progress

# 60 rows in batches of 8: 8 steps an epoch.
KEYS = {"epochs": 2, "batch_size": 8, "device": "cpu", "optimizer": {"name": "sgd", "lr": 0.1}}


class Warnings(Progress):
    def __init__(self):
        self.said = []

    def warn(self, message):
        self.said.append(message)


def train(folder, registry, model, *, marked, progress=None, **keys):
    return zoo.train(
        model,
        data=write(folder, marked),
        run=folder / "run",
        registry=registry,
        progress=progress or Progress(),
        **{**KEYS, **keys},
    )


@pytest.mark.parametrize("keys", [{}, {"accumulate": 2}, {"precision": "bf16"}], ids=str)
def test_a_forward_pass_that_overflows_names_the_step_the_example_and_the_layer(tmp_path, risky, keys):
    with pytest.raises(NumericsError) as caught:
        train(tmp_path, risky, "overflowing", marked=[20], **keys)
    assert caught.value.exit_code == 7
    message = caught.value.message
    assert message.startswith("step ")
    assert "(epoch 1): the loss of 'model' is " in message
    assert "the first bad tensor is the output of 'model' risky (Risky)" in message
    assert "examples data.npz train 20" in message
    assert "no checkpoint was touched" in caught.value.fix


def test_a_gradient_alone_that_is_not_finite_names_the_parameter_and_the_batch(tmp_path, risky):
    with pytest.raises(NumericsError) as caught:
        train(tmp_path, risky, "gradient-only", marked=[20])
    assert "the gradient of 'model' is not finite: first in norm.weight" in caught.value.message
    assert "the batch holds data.npz train " in caught.value.message


def steps_of(run):
    return checkpoints.steps(Run(run).checkpoints_path)


def test_a_run_that_stops_keeps_its_last_checkpoint_whole_and_finite(tmp_path, risky):
    with pytest.raises(NumericsError):
        train(tmp_path, risky, "overflowing", marked=[20], checkpoint={"every": 1})
    steps = steps_of(tmp_path / "run")
    for step in steps:
        saved = checkpoints.load(Run(tmp_path / "run").checkpoints_path, step)
        assert all(torch.isfinite(tensor).all() for tensor in saved.model.values())
    status = Run(tmp_path / "run").status()
    assert (status["state"], status["step"]) == ("failed", max(steps, default=0))


def test_a_skipped_step_moves_nothing_and_is_counted_and_told(tmp_path, risky):
    warnings = Warnings()
    run = train(tmp_path, risky, "overflowing", marked=[20], progress=warnings, on_nonfinite="skip")
    assert run.status()["num_skipped"] == 2
    assert [message.endswith("; the step is skipped") for message in warnings.said] == [True, True]
    last = checkpoints.load(run.checkpoints_path, 16)
    # 16 steps, of which 14 were seen by batch normalisation.
    assert int(last.model["model/norm.num_batches_tracked"]) == 14
    assert all(torch.isfinite(tensor).all() for tensor in last.model.values())
    for line in run.metrics_path.read_text().splitlines():
        assert math.isfinite(json.loads(line)["train"]["loss"])


def test_five_skipped_steps_in_a_row_stop_training(tmp_path, risky):
    with pytest.raises(NumericsError, match="the 5 last steps were not finite"):
        # One batch an epoch, and marked rows in it.
        train(tmp_path, risky, "overflowing", marked=range(4), on_nonfinite="skip", batch_size=60, epochs=9)


def test_weights_that_overflow_in_the_update_are_never_saved(tmp_path, registry):
    with pytest.raises(NumericsError, match=r"parameter \S+ of 'model' is not finite any more"):
        zoo.train(
            "mlp",
            data="iris",
            run=tmp_path / "run",
            registry=registry,
            epochs=3,
            batch_size=200,
            device="cpu",
            optimizer={"name": "sgd", "lr": 1e39},
            checkpoint={"every": 1},
        )
    for step in steps_of(tmp_path / "run"):
        saved = checkpoints.load(Run(tmp_path / "run").checkpoints_path, step)
        assert all(torch.isfinite(tensor).all() for tensor in saved.model.values())


def test_a_watch_remembers_what_it_found_until_it_forgets():
    watch = Watch(torch.device("cpu"))
    watch.look([torch.ones(3), torch.zeros(2, dtype=torch.float64)])
    assert not watch.has_found()
    for bad in (math.nan, math.inf, -math.inf):
        watch.look([torch.ones(3), torch.tensor([1.0, bad], dtype=torch.float64)])
        watch.look([torch.ones(3)])
        assert watch.has_found()
        watch.forget()
        assert not watch.has_found()


def test_what_a_watch_found_is_one_number_as_fused_optimizers_take_it_on_a_gpu():
    assert Watch(torch.device("cpu")).found.shape == ()


def test_looking_changes_no_bit():
    tensor = torch.tensor([1e-45, -0.0, 3.3, math.nan])
    before = tensor.clone()
    Watch(torch.device("cpu")).look([tensor])
    assert tensor.numpy().tobytes() == before.numpy().tobytes()


def test_buffers_are_put_back_as_they_were():
    norm = torch.nn.BatchNorm1d(2)
    kept = Buffers([norm])
    kept.keep()
    norm(torch.randn(5, 2))
    kept.restore()
    assert torch.equal(norm.running_mean, torch.zeros(2))
    assert int(norm.num_batches_tracked) == 0


def test_infinity_in_a_mask_is_no_bad_weight_and_nan_in_a_buffer_is():
    module = torch.nn.Linear(2, 2)
    module.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    assert first_bad_weight({"model": module}) == ""
    module.mask[0] = math.nan
    assert first_bad_weight({"model": module}) == "buffer mask of 'model'"
    with torch.no_grad():
        module.weight[0, 0] = math.inf
    assert first_bad_weight({"model": module}) == "parameter weight of 'model'"
