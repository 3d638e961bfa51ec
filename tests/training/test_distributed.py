"""Several processes train one network: the update of one process, and a run that survives the loss of one.

Where the launcher is not what is tested, processes are forked from one that has imported everything.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.torch
import torch

from benchmarks.ranks import end, find, killed_at_fsync, together, zoo
from tests.training import risky
from zoo.runs import Run
from zoo.training import checkpoints

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "zoo"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
MODEL = ["model.hidden=[16]", "model.dropout=0.0", "device=cpu"]
LONG = ["train", "mlp", "--data", "digits", "epochs=20", "checkpoint.every=5", "batch_size=64", *MODEL]
DESCENT = ["optimizer=sgd", "optimizer.lr=0.1", "optimizer.momentum=0.9"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """200 vectors of two classes to learn from."""
    return write(tmp_path_factory.mktemp("data") / "rows.npz", 200)


@pytest.fixture(scope="module")
def steps(data):
    """Words of a training of ten steps in two epochs, by gradient descent with momentum."""
    return ["train", "mlp", "--data", data, "epochs=2", "batch_size=40", *MODEL, *DESCENT]


@pytest.fixture(scope="module")
def one(tmp_path_factory, steps):
    """The training of one process."""
    return trained(tmp_path_factory.mktemp("one") / "run", 1, *steps)


@pytest.fixture(scope="module")
def spread(tmp_path_factory, steps):
    """The same with its weights spread over two processes, and saved within epochs too."""
    return trained(tmp_path_factory.mktemp("spread") / "run", 2, *steps, "shard=true", "checkpoint.every=2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A longer training of two processes that nothing disturbs."""
    return trained(tmp_path_factory.mktemp("whole") / "run", 2, *LONG)


@pytest.fixture
def begin(tmp_path):
    """Starts a command; what still runs when the test has ended is ended with it."""
    begun = []

    def start(*command):
        with (tmp_path / f"said-{len(begun)}").open("w") as said:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said, env=ONE_THREAD)
        begun.append(process)
        return process

    yield start
    for process in begun:
        end(process)


def write(path, num_rows):
    random = np.random.default_rng(1)
    y = np.arange(num_rows + 40) % 2
    x = random.normal(y[:, None], 1.0, (len(y), 8)).astype(np.float32)
    held = {"x_val": x[:20], "y_val": y[:20], "x_test": x[20:40], "y_test": y[20:40]}
    np.savez(path, x_train=x[40:], y_train=y[40:], **held)
    return str(path)


def trained(path, size, *words):
    ended = together(size, zoo, *words, "--run", str(path))
    assert ended.is_well, ended
    return path


def last(path):
    run = Run(path)
    return checkpoints.load(run.checkpoints_path, max(checkpoints.steps(run.checkpoints_path)))


def outcome(path):
    newest = max(Run(path).checkpoints_path.glob("step-*"))
    files = {file.relative_to(newest).as_posix(): file for file in newest.rglob("*.*")}
    # The parts of a spread checkpoint have notes in their headers, in no order, and the manifest their digests.
    parts = {name: tensors_of(file) for name, file in files.items() if "/" in name}
    content = {
        name: file.read_bytes()
        for name, file in files.items()
        if name not in parts and not (parts and name == "MANIFEST.json")
    }
    log, metrics = Run(path).metrics_path.read_bytes(), Run(path).status()["metrics"]
    return content | parts | {"log": log, "result": metrics}


def tensors_of(file):
    return {name: tensor.numpy().tobytes() for name, tensor in safetensors.torch.load_file(file).items()}


def difference(path, other):
    """Of all weights as one vector, relative to it."""
    first, second = (
        torch.cat([tensor.flatten() for _, tensor in sorted(last(each).model.items())]).double()
        for each in (path, other)
    )
    return float((first - second).norm() / first.norm())


def cut_back(path, target, step):
    """A copy of a run as it was when it was killed after that step."""
    shutil.copytree(path, target)
    for folder in Run(target).checkpoints_path.glob("step-*"):
        if folder.name > checkpoints.place(folder.parent, step).name:
            shutil.rmtree(folder)
    return target


@pytest.mark.parametrize("words", [[], ["accumulate=2"]], ids=["whole", "accumulated"])
def test_two_processes_make_the_updates_of_one(tmp_path, one, steps, words):
    two = trained(tmp_path / "two", 2, *steps, *words)
    assert last(two).step == last(one).step == 10
    assert difference(one, two) <= 1e-6


def test_two_processes_that_play_a_game_train_again_to_the_same_bytes(tmp_path):
    words = ["train", "dcgan", "--data", "digits", "epochs=1", "device=cpu", "model.width=4"]
    words += ["batch_size=600", "optimizer=sgd"]
    first, again = (trained(tmp_path / name, 2, *words) for name in ("first", "again"))
    assert outcome(first) == outcome(again)


def test_weights_that_are_spread_are_trained_as_whole_ones(one, spread):
    assert difference(one, spread) <= 1e-6
    losses = [Run(path).status()["metrics"]["test"]["loss"] for path in (one, spread)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_spread_checkpoint_is_resumed_by_any_number_of_processes(tmp_path, spread, size):
    resumed = cut_back(spread, tmp_path / "run", step=8)
    ended = together(size, zoo, "resume", str(resumed))
    assert ended.is_well, ended
    assert last(resumed).step == 10
    assert difference(spread, resumed) <= 1e-6
    if size == 2:
        assert outcome(resumed) == outcome(spread)


def test_spread_weights_whose_optimizer_has_no_state_are_resumed(tmp_path, steps):
    words = [*steps, "optimizer.momentum=0.0", "shard=true"]
    whole = trained(tmp_path / "whole", 2, *words)
    resumed = cut_back(whole, tmp_path / "run", step=5)
    assert together(2, zoo, "resume", str(resumed)).is_well
    assert outcome(resumed) == outcome(whole)


def test_a_damaged_part_is_named_and_the_checkpoint_before_it_is_used(tmp_path, spread):
    run = cut_back(spread, tmp_path / "run", step=10)
    newest = checkpoints.place(Run(run).checkpoints_path, 10)
    part = max((newest / "optimizer").iterdir())
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    ended = together(2, zoo, "resume", str(run))
    assert ended.is_well, ended
    name = part.relative_to(newest).as_posix()
    assert f"{name} differs from its SHA-256; the one before it is used" in ended.said[0]
    assert ended.said[1] == ""
    assert outcome(run) == outcome(spread)


@pytest.mark.parametrize(("rank", "number"), [(1, 3), (0, 24)], ids=["part", "commit"])
def test_a_process_killed_while_a_spread_checkpoint_is_written_leaves_no_half_one(
    tmp_path, spread, steps, rank, number
):
    path = tmp_path / "killed"
    words = [*steps, "shard=true", "checkpoint.every=2", "--run", str(path)]
    ended = together(2, killed_at_fsync, rank, number, *words)
    assert ended.codes[rank] == -signal.SIGKILL
    assert ended.codes[1 - rank] == 6, ended
    assert "another process of this training was lost" in ended.said[1 - rank]
    folder = Run(path).checkpoints_path
    assert any(each.name.startswith(".writing-") for each in folder.iterdir())
    assert all(checkpoints.is_whole(checkpoints.place(folder, step)) for step in checkpoints.steps(folder))
    ended = together(2, zoo, "resume", str(path))
    assert ended.is_well, ended
    assert outcome(path) == outcome(spread)


def test_all_processes_skip_the_step_that_was_not_finite_in_one(tmp_path):
    keys = {"data": risky.write(tmp_path, marked=[7]), "epochs": 2, "batch_size": 12, "device": "cpu"}
    keys |= {"model": "overflowing", "on_nonfinite": "skip"}
    ended = together(2, risky.train, tmp_path / "run", keys)
    assert ended.is_well, ended
    assert Run(tmp_path / "run").status()["num_skipped"] == 2
    steps = [
        [line.split(":")[1] for line in said.splitlines() if "is skipped" in line] for said in ended.said
    ]
    assert steps == [[" step 1 (epoch 1)", " step 6 (epoch 2)"]] * 2


def test_spread_weights_that_would_not_stay_finite_end_every_process(tmp_path):
    keys = {"data": risky.write(tmp_path, marked=[7]), "model": "overflowing", "device": "cpu"}
    ended = together(2, risky.train, tmp_path / "run", {**keys, "batch_size": 12, "shard": True})
    assert ended.codes == (1, 1), ended  # its own error, not the command line's
    assert all("NumericsError" in said for said in ended.said)


def test_a_last_batch_with_too_few_examples_for_all_is_shared_by_some(tmp_path):
    words = ["train", "mlp", "--data", write(tmp_path / "rows.npz", 67), "epochs=2", "batch_size=64", *MODEL]
    words += DESCENT
    one, three = (trained(tmp_path / str(size), size, *words) for size in (1, 3))
    assert last(one).step == last(three).step == 4
    assert difference(one, three) <= 1e-6
    trained(tmp_path / "statistics", 3, *words, "model.normalisation=batch")


def test_batches_with_fewer_examples_than_processes_are_refused(tmp_path, data):
    words = ["train", "mlp", "--data", data, "batch_size=2", *MODEL, "--run", str(tmp_path / "run")]
    ended = together(3, zoo, *words)
    assert ended.codes == (2, 2, 2)
    assert "a batch of 2 examples cannot be shared by 3 processes" in ended.said[0]
    assert [said for said in ended.said[1:] if "cannot be shared" in said] == []
    assert "a larger batch_size, or fewer processes" in ended.said[0]
    assert not (tmp_path / "run").exists()


def test_a_launched_run_whose_second_process_is_killed_ends_in_the_same_bytes(tmp_path, begin, whole):
    launched = begin(*COMMAND, *LONG, "--run", "run", "--processes", "2")
    kill_rank(launched, 1, tmp_path / "run")
    assert launched.wait(timeout=240) == 0, said(tmp_path)
    assert "a process was killed by signal 9; all of them go on from the last checkpoint" in said(tmp_path)
    assert outcome(tmp_path / "run") == outcome(whole)


def test_torchrun_starts_lost_processes_again_and_the_run_ends_in_the_same_bytes(tmp_path, begin, whole):
    launched = begin(*TORCHRUN, "--max-restarts", "2", "-m", "--", "zoo", *LONG, "--run", "run")
    kill_rank(launched, 0, tmp_path / "run")
    assert launched.wait(timeout=240) == 0, said(tmp_path)
    assert outcome(tmp_path / "run") == outcome(whole)


def test_a_signal_to_the_launcher_stops_all_at_one_step_with_the_state_saved(tmp_path, begin):
    launched = begin(*COMMAND, *LONG, "epochs=2000", "--run", "run", "--processes", "2")
    wait_for_checkpoint(launched, tmp_path / "run")
    launched.send_signal(signal.SIGTERM)
    assert launched.wait(timeout=60) == 143, said(tmp_path)
    run = Run(tmp_path / "run")
    assert run.status()["state"] == "interrupted"
    assert max(checkpoints.steps(run.checkpoints_path)) == run.status()["step"]


def test_an_error_is_not_tried_again_and_keeps_its_exit_code(tmp_path, begin):
    words = ["train", "mlp", "--data", "nowhere.csv", "--run", "run", "--processes", "2"]
    assert begin(*COMMAND, *words).wait(timeout=120) == 3
    assert "nowhere.csv" in said(tmp_path)
    assert "go on from the last checkpoint" not in said(tmp_path)


def test_several_processes_must_be_told_their_run_folder(tmp_path, begin):
    assert begin(*COMMAND, "train", "mlp", "--data", "digits", "--processes", "2").wait(timeout=120) == 2
    assert "several processes train into one folder, and must be told which" in said(tmp_path)
    assert "--run DIR" in said(tmp_path)


def said(folder):
    return (folder / "said-0").read_text()


def wait_for_checkpoint(launched, path):
    deadline = time.monotonic() + 240
    while not any(Run(path).checkpoints_path.glob("step-*")):
        assert launched.poll() is None, said(path.parent)
        assert time.monotonic() < deadline, said(path.parent)
        time.sleep(0.01)


def kill_rank(launched, rank, path):
    """Kills the process of that rank below a launcher, once there is a checkpoint."""
    wait_for_checkpoint(launched, path)
    pid = find(launched.pid, rank)
    assert pid is not None, f"there is no process of rank {rank}: {said(path.parent)}"
    os.kill(pid, signal.SIGKILL)
