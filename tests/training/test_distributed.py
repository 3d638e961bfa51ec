"""Several processes train one network: the update of one process, and a run that survives the loss of one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from zoo.runs import Run
from zoo.training import checkpoints

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "zoo"]
MODEL = ["model.hidden=[16]", "model.dropout=0.0", "device=cpu"]
DIGITS = ["train", "mlp", "--data", "digits", "epochs=1", "batch_size=64", *MODEL]


def zoo(folder, *words):
    result = subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result


def last_weights(path):
    run = Run(path)
    return checkpoints.load(run.checkpoints_path, max(checkpoints.steps(run.checkpoints_path)))


def outcome(path):
    last = max(Run(path).checkpoints_path.glob("step-*"))
    files = {each.name: each.read_bytes() for each in last.iterdir()}
    return files | {"metrics": Run(path).metrics_path.read_bytes(), "result": Run(path).status()["metrics"]}


def difference(one, other):
    """Of all weights as one vector, relative to it."""
    first, second = (
        torch.cat([tensor.flatten() for _, tensor in sorted(each.model.items())]) for each in (one, other)
    )
    return float((first - second).norm() / first.norm())


@pytest.mark.parametrize("words", [[], ["accumulate=2"]], ids=["whole", "accumulated"])
def test_two_processes_make_the_update_of_one(tmp_path, words):
    common = [*DIGITS, "batch_size=400", "optimizer=sgd", "optimizer.lr=0.1", "schedule=constant", *words]
    zoo(tmp_path, *common, "--run", "one")
    zoo(tmp_path, *common, "--run", "two", "--processes", "2")
    one, two = last_weights(tmp_path / "one"), last_weights(tmp_path / "two")
    assert one.step == two.step == 4
    assert difference(one, two) <= 1e-6


def test_two_processes_that_play_a_game_make_the_updates_of_one(tmp_path):
    common = [
        "train",
        "dcgan",
        "--data",
        "digits",
        "epochs=1",
        "device=cpu",
        "model.width=4",
        "batch_size=2000",
    ]
    common += ["optimizer=sgd"]
    zoo(tmp_path, *common, "--run", "two", "--processes", "2")
    again = zoo(tmp_path, *common, "--run", "again", "--processes", "2")
    assert outcome(tmp_path / "two") == outcome(tmp_path / "again"), again.stderr


def test_a_run_of_two_processes_whose_second_is_killed_goes_on_and_ends_in_the_same_bytes(tmp_path):
    common = [*DIGITS, "epochs=30", "checkpoint.every=5", "--processes", "2"]
    zoo(tmp_path, *common, "--run", "whole")
    killed = subprocess.Popen(
        [*COMMAND, *common, "--run", "killed"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    run, deadline = Run(tmp_path / "killed"), time.monotonic() + 120
    while time.monotonic() < deadline and not any(run.checkpoints_path.glob("step-*")):
        time.sleep(0.01)
    os.kill(_rank(killed.pid, 1), signal.SIGKILL)
    _, said = killed.communicate(timeout=240)
    assert killed.returncode == 0, said
    assert "a process was killed by signal 9; all of them go on from the last checkpoint" in said
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_torchrun_starts_lost_processes_again_and_the_run_ends_in_the_same_bytes(tmp_path):
    words = [*DIGITS, "epochs=30", "checkpoint.every=5"]
    zoo(tmp_path, *words, "--run", "whole", "--processes", "2")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launcher += ["--max-restarts", "2", "-m", "zoo", *words, "--run", "killed"]
    killed = subprocess.Popen(launcher, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    run, deadline = Run(tmp_path / "killed"), time.monotonic() + 120
    while time.monotonic() < deadline and not any(run.checkpoints_path.glob("step-*")):
        time.sleep(0.01)
    os.kill(_rank(killed.pid, 0), signal.SIGKILL)
    _, said = killed.communicate(timeout=240)
    assert killed.returncode == 0, said
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_a_signal_to_one_stops_all_at_one_step_with_the_state_saved(tmp_path):
    words = [*DIGITS, "epochs=2000", "--processes", "2", "--run", "run"]
    process = subprocess.Popen([*COMMAND, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    run, deadline = Run(tmp_path / "run"), time.monotonic() + 120
    while time.monotonic() < deadline and not any(run.checkpoints_path.glob("step-*")):
        time.sleep(0.01)
    started_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - started_at < 10
    assert process.returncode == 143, said
    assert run.status()["state"] == "interrupted"
    assert max(checkpoints.steps(run.checkpoints_path)) == run.status()["step"]


def test_an_error_is_not_tried_again_and_keeps_its_exit_code(tmp_path):
    words = ["train", "mlp", "--data", "nowhere.csv", "--run", "run", "--processes", "2"]
    result = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 3
    assert "nowhere.csv" in result.stderr
    assert "go on from the last checkpoint" not in result.stderr


def test_several_processes_must_be_told_their_run_folder(tmp_path):
    words = ["train", "mlp", "--data", "digits", "--processes", "2"]
    result = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "several processes train into one folder, and must be told which" in result.stderr
    assert "--run DIR" in result.stderr


def _rank(parent, rank):
    """The process of that rank below a launcher."""
    for pid in _below(parent):
        if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("there is no such process")


def _below(parent):
    """Every process that this one started, from whichever thread, and those below them."""
    children = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        children += [int(pid) for pid in (task / "children").read_text().split()]
    return children + [below for child in children for below in _below(child)]
