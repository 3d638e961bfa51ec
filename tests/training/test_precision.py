import json

import pytest
import torch

import zoo
from zoo.training import checkpoints
from zoo.training.precision import autocast, build_scaler, choose_format, describe, lay_out
from zoo.training.progress import Progress

CPU = torch.device("cpu")


class Notes(Progress):
    def __init__(self):
        self.said = []

    def note(self, message):
        self.said.append(message)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("bf16", torch.bfloat16), ("fp16", torch.float16), ("float32", torch.float32)],
)
def test_matrix_products_run_in_the_precision_that_is_asked_for(precision, dtype):
    with autocast(CPU, precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_only_float16_needs_its_loss_scaled():
    assert build_scaler(CPU, "fp16") is not None
    assert build_scaler(CPU, "bf16") is None


@pytest.mark.parametrize(
    ("given", "precision", "chosen"),
    [
        ("auto", "float32", torch.contiguous_format),
        ("auto", "bf16", torch.channels_last),
        ("contiguous", "bf16", torch.contiguous_format),
        ("channels_last", "float32", torch.channels_last),
    ],
)
def test_the_memory_format_follows_the_precision_unless_it_is_named(given, precision, chosen):
    assert choose_format(given, CPU, precision) == chosen


def test_pictures_of_one_channel_are_answered_in_that_order_too():
    layer = torch.nn.Conv2d(1, 4, 3)
    pictures = torch.randn(2, 1, 8, 8)
    lay_out(layer, torch.channels_last)
    assert layer(pictures).is_contiguous(memory_format=torch.channels_last)
    lay_out(layer, torch.contiguous_format)
    assert layer(pictures).is_contiguous()


def test_filters_of_clips_get_the_order_that_is_the_like_of_that_of_pictures():
    network = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.Conv2d(4, 5, 3), torch.nn.Linear(2, 2))
    lay_out(network, torch.channels_last)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert network[1].weight.is_contiguous(memory_format=torch.channels_last)
    lay_out(network, torch.contiguous_format)
    assert all(parameter.is_contiguous() for parameter in network.parameters())


def test_what_is_out_of_the_ordinary_is_said_in_one_line():
    assert describe("auto", CPU, "float32") == ""
    assert describe("auto", CPU, "bf16") == "bf16 on cpu, channels_last"
    assert describe("contiguous", CPU, "fp16") == "fp16 on cpu, contiguous"


@pytest.mark.parametrize(("precision", "model"), [("bf16", "convnet"), ("fp16", "mlp")])
def test_a_network_learns_in_half_precision_and_resumes_in_channels_last(
    tmp_path, registry, precision, model
):
    notes = Notes()
    keys = {"data": "digits", "device": "cpu", "precision": precision, "registry": registry}
    run = zoo.train(model, run=tmp_path / "run", epochs=1, progress=notes, **keys)
    assert notes.said == [f"{precision} on cpu, channels_last"]
    zoo.resume(run, epochs=2, registry=registry)
    first, second = (json.loads(line)["train"]["loss"] for line in run.metrics_path.read_text().splitlines())
    assert second < first
    saved = checkpoints.load(run.checkpoints_path, max(checkpoints.steps(run.checkpoints_path)))
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in saved.model.values())
    assert bool(saved.state["scalers"]) == (precision == "fp16")


def test_a_run_may_change_to_fp16_and_back(tmp_path, registry):
    run = zoo.train("mlp", data="iris", run=tmp_path / "run", device="cpu", epochs=1, registry=registry)
    for epochs, precision in ((2, "fp16"), (3, "fp16"), (4, "float32")):
        zoo.resume(run, epochs=epochs, precision=precision, registry=registry)
    assert run.status()["epoch"] == 4
