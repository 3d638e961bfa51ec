import io

import torch
from rich.console import Console

import zoo
from zoo.runtime import sessions
from zoo.training.progress import Lines, LiveBar, describe

TRAIN, JUDGED = {"loss": 0.51239}, {"loss": 0.4, "accuracy": 0.912345}


def test_an_epoch_is_one_line_with_a_star_for_the_best():
    line = describe(3, 10, TRAIN, JUDGED, is_best=True)
    assert line == "epoch 3/10  train loss 0.5124  validation loss 0.4  accuracy 0.9123 *"
    assert not describe(3, 10, TRAIN, JUDGED, is_best=False).endswith("*")


def lines_of_a_training(folder, registry, epochs):
    said = []
    zoo.train(
        "perceptron",
        data="iris",
        epochs=epochs,
        run=folder / "run",
        registry=registry,
        progress=Lines(said.append),
    )
    return said


def test_lines_are_written_for_epochs_and_warnings(tmp_path, registry):
    said = lines_of_a_training(tmp_path, registry, epochs=2)
    assert [line.partition("  ")[0] for line in said] == ["epoch 1/2", "epoch 2/2"]
    Lines(said.append).warn("a checkpoint is damaged")
    assert said[-1] == "warning: a checkpoint is damaged"


def test_a_network_too_large_for_a_file_is_warned_of_before_it_trains(tmp_path, registry, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_WEIGHT_BYTES", 10)
    warning, epoch = lines_of_a_training(tmp_path, registry, epochs=1)
    assert warning == (
        "warning: this network can be trained, but not exported: the weights take 0.0 GB, "
        "and one ONNX file holds 0.0 GB"
    )
    assert epoch.startswith("epoch 1/1")


def live(terminal):
    return LiveBar(Console(file=terminal, force_terminal=True, width=200, color_system=None))


def test_the_bar_keeps_a_line_for_each_epoch_that_improved_and_for_the_last():
    terminal = io.StringIO()
    bar = live(terminal)
    with bar.of(num_steps=12, step=0):
        for epoch, is_best in ((1, True), (2, False), (3, False)):
            bar.stepped(4 * epoch, 32, {"model": torch.tensor(0.5)})
            bar.validated(epoch, 3, TRAIN, JUDGED, is_best=is_best)
        bar.warn("careful")
    said = terminal.getvalue()
    assert "epoch 1/3" in said
    assert "epoch 2/3" not in said
    assert "epoch 3/3" in said
    assert "warning: careful" in said


def test_the_bar_shows_loss_speed_and_metric(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("zoo.training.progress.LOCAL.monotonic", lambda: float(next(clock)), raising=False)
    terminal = io.StringIO()
    bar = live(terminal)
    with bar.of(num_steps=4, step=2):
        bar.stepped(3, 32, {"model": torch.tensor(0.25)})
        bar.validated(1, 2, TRAIN, JUDGED, is_best=False)
        bar._bar.refresh()
    said = terminal.getvalue()
    assert "3/4" in said
    assert "loss 0.2500" in said
    assert "accuracy 0.9123" in said
    assert "32 examples/s" in said
