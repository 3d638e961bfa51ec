"""A stopped and resumed run ends in the same bytes as one that never stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import zoo
from zoo import data
from zoo.contracts.examples import Splits
from zoo.errors import ArtifactError, EnvironmentFault, Interrupted, PluginError, UsageError
from zoo.registry import Plugin, Registry
from zoo.runs import Run
from zoo.training import session
from zoo.training.progress import Progress
from zoo.words import read_file

# 108 irises in batches of 32 are 4 steps an epoch, with a checkpoint after every second one.
RECIPE = {
    "data": {"name": "iris"},
    "model": {"name": "mlp", "hidden": [8], "dropout": 0.2, "normalisation": "batch"},
    "epochs": 3,
    "device": "cpu",
    "checkpoint": {"every": 2, "keep": 2},
}


class Crash(BaseException):
    """Ends the program where it stands, as a power cut does."""


class StopAt(Progress):
    """Sends a signal or crashes at one step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def stepped(self, step, num_examples, losses):
        if step == self.step:
            self.action()


class Warnings(Progress):
    def __init__(self):
        self.said = []

    def warn(self, message):
        self.said.append(message)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def crash():
    raise Crash


def start(path, registry, progress=None, **keys):
    given = {**RECIPE, **keys}
    return session.start(given, run_path=path, registry=registry, progress=progress or Progress())


def outcome(run):
    """Everything that training decides: weights, optimizer, counters, log, metrics."""
    last = max(run.checkpoints_path.iterdir())
    files = {path.name: path.read_bytes() for path in last.iterdir()}
    return files | {"metrics": run.metrics_path.read_bytes(), "result": run.status()["metrics"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, registry):
    return start(tmp_path_factory.mktemp("whole") / "run", registry)


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of the finished run that a test may damage."""
    shutil.copytree(whole.path, tmp_path / "copy")
    return Run(tmp_path / "copy")


def steps(run):
    return sorted(int(path.name.removeprefix("step-")) for path in run.checkpoints_path.iterdir())


def newest(run):
    return max(run.checkpoints_path.iterdir())


def test_the_same_recipe_gives_the_same_bytes(whole, tmp_path, registry):
    assert outcome(start(tmp_path / "again", registry)) == outcome(whole)


def test_another_seed_gives_other_weights(whole, tmp_path, registry):
    other = outcome(start(tmp_path / "other", registry, seed=1))
    assert other["model.safetensors"] != outcome(whole)["model.safetensors"]


def test_a_saved_recipe_retrains_its_run(whole, tmp_path, registry):

    given = read_file(whole.recipe_path)
    again = session.start(given, run_path=tmp_path / "again", registry=registry, progress=Progress())
    assert outcome(again) == outcome(whole)
    assert again.recipe_path.read_bytes() == whole.recipe_path.read_bytes()


@pytest.mark.parametrize("step", range(1, 13))
def test_an_interrupted_run_is_saved_at_once_and_resumes_bitwise(whole, tmp_path, registry, step):
    with pytest.raises(Interrupted) as caught:
        start(tmp_path / "run", registry, StopAt(step, interrupt))
    assert caught.value.exit_code == 130
    assert caught.value.message == f"stopped by SIGINT after step {step}; the state is saved"
    assert caught.value.fix == f"zoo resume {tmp_path / 'run'}"
    run = Run(tmp_path / "run")
    assert run.status()["state"] == "interrupted"
    assert max(steps(run)) == step
    assert outcome(zoo.resume(run, registry=registry)) == outcome(whole)


def test_a_terminated_run_is_saved_too(whole, tmp_path, registry):
    with pytest.raises(Interrupted) as caught:
        start(tmp_path / "run", registry, StopAt(6, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert caught.value.exit_code == 143
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == outcome(whole)


@pytest.mark.parametrize("step", [1, 2, 5, 7, 11, 12])
def test_a_crashed_run_resumes_bitwise_from_its_last_checkpoint(whole, tmp_path, registry, step):
    with pytest.raises(Crash):
        start(tmp_path / "run", registry, StopAt(step, crash))
    run = Run(tmp_path / "run")
    assert outcome(zoo.resume(run, registry=registry)) == outcome(whole)


def test_a_run_may_be_stopped_again_and_again(whole, tmp_path, registry):
    with pytest.raises(Crash):
        start(tmp_path / "run", registry, StopAt(3, crash))
    for step in (4, 6, 8):
        with pytest.raises(Interrupted):
            zoo.resume(tmp_path / "run", registry=registry, progress=StopAt(step, interrupt))
    assert outcome(zoo.resume(tmp_path / "run", registry=registry)) == outcome(whole)


@pytest.mark.slow
def test_a_killed_process_resumes_bitwise(tmp_path, zoo_command):
    words = [
        "train",
        "mlp",
        "--data",
        "digits",
        "epochs=4",
        "model.hidden=[32]",
        "checkpoint.every=5",
        "device=cpu",
    ]
    assert zoo_command(*words, "--run", "whole", cwd=tmp_path).returncode == 0
    command = [sys.executable, "-c", "from zoo.cli import main; main()", *words, "--run", "killed"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    run = Run(tmp_path / "killed")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(run.checkpoints_path.glob("step-*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert run.status()["state"] == "running"
    resumed = zoo_command("resume", "killed", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert outcome(run) == outcome(Run(tmp_path / "whole"))


# What may change, and what may not


def test_a_finished_run_resumed_stays_as_it_is(copy, whole, registry):
    assert outcome(zoo.resume(copy, registry=registry)) == outcome(whole)


def test_more_epochs_go_on_from_the_last(copy, registry):
    zoo.resume(copy, registry=registry, epochs=5)
    status = copy.status()
    assert (status["epoch"], status["step"], status["state"]) == (5, 20, "finished")
    assert len(copy.metrics_path.read_text().splitlines()) == 5
    assert "epochs = 5" in copy.recipe_path.read_text()


def test_a_change_that_a_crash_cut_short_is_named_again(copy, registry):
    with pytest.raises(Crash):
        zoo.resume(copy, registry=registry, epochs=5, progress=StopAt(13, crash))
    with pytest.raises(UsageError, match="epochs was 3, is 5"):
        zoo.resume(copy, registry=registry)
    zoo.resume(copy, registry=registry, epochs=5)
    assert copy.status()["epoch"] == 5


@pytest.mark.parametrize(
    "changes",
    [{"model": "perceptron"}, {"seed": 1}, {"batch_size": 8}, {"optimizer": {"lr": 1.0}}, {"data": "wine"}],
    ids=str,
)
def test_what_the_first_step_depends_on_cannot_change(copy, registry, changes):
    [key] = changes
    with pytest.raises(UsageError, match=f"{key} cannot change on resume") as caught:
        zoo.resume(copy, registry=registry, **changes)
    assert caught.value.exit_code == 2


def test_what_cannot_change_may_be_said_again_as_it_is(copy, registry):
    zoo.resume(copy, registry=registry, seed=0, data="iris", epochs=4)
    assert copy.status()["epoch"] == 4


@pytest.mark.parametrize(
    "changes", [{"epochs": 2}, {"loss": "focal"}, {"epochs": 3, "clip_norm": 1.0}], ids=str
)
def test_a_change_that_nothing_is_left_to_train_with_is_refused(copy, registry, changes):
    before = copy.recipe_path.read_bytes()
    with pytest.raises(UsageError, match="3 epochs are done, so nothing is left") as caught:
        zoo.resume(copy, registry=registry, **changes)
    assert caught.value.fix == "add epochs=4 or more, or train a new run"
    assert copy.recipe_path.read_bytes() == before


def test_a_run_may_end_early_at_the_epoch_that_it_has_reached(tmp_path, registry):
    with pytest.raises(Crash):
        start(tmp_path / "run", registry, StopAt(9, crash))
    run = zoo.resume(tmp_path / "run", registry=registry, epochs=2)
    assert (run.status()["epoch"], run.status()["state"]) == (2, "finished")


def test_an_edited_recipe_is_refused_with_the_difference(copy, registry):
    text = copy.recipe_path.read_text()
    copy.recipe_path.write_text(text.replace("warmup = 0.05", "warmup = 0.5"))
    with pytest.raises(UsageError) as caught:
        zoo.resume(copy, registry=registry)
    assert "is not the one it was trained with: schedule.warmup was 0.05, is 0.5" in caught.value.message
    assert "name the change" in caught.value.fix


def test_an_unknown_key_is_refused_before_anything_is_written(copy, registry):
    before = {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="unknown key 'epoch'"):
        zoo.resume(copy, registry=registry, epoch=5)
    assert {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()} == before


@pytest.fixture
def table_run(tmp_path, registry):
    rows = [f"{n / 7:.3f},{'ab'[n % 2]}" for n in range(60)]
    (tmp_path / "table.csv").write_text("x,label\n" + "\n".join(rows) + "\n")
    data = {"name": str(tmp_path / "table.csv"), "target": "label"}
    return start(tmp_path / "run", registry, data=data, epochs=1)


def test_a_run_resumes_from_another_folder(table_run, tmp_path, registry, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    zoo.resume("../run", registry=registry, epochs=2)
    assert table_run.status()["epoch"] == 2


def test_changed_data_is_refused(table_run, tmp_path, registry):
    path = tmp_path / "table.csv"
    path.write_text(path.read_text().replace("0.143,b", "0.144,b"))
    with pytest.raises(UsageError, match=r"has changed: data.fingerprint was '\w+', is '\w+'"):
        zoo.resume(table_run, registry=registry, epochs=2)


def test_data_that_became_another_kind_is_called_changed_and_not_unfit_for_the_recipe(
    table_run, tmp_path, registry
):
    path = tmp_path / "table.csv"
    path.write_text(path.read_text().replace("0.143,b", "0.143,c"))
    for again in (zoo.resume, zoo.export):
        with pytest.raises(UsageError, match=r"trained with has changed: data.signature.target"):
            again(table_run, registry=registry)


def with_version(registry, distribution, version):
    plugins = [
        Plugin(
            each.distribution,
            version if each.distribution == distribution else each.version,
            each.module,
            each.entries,
        )
        for each in registry.plugins
        if version or each.distribution != distribution
    ]
    return Registry(plugins=plugins)


def test_another_version_of_a_plugin_is_refused_with_both(copy, registry):
    with pytest.raises(UsageError, match=r"plugins\S* was .*0\.1\.0.*, is .*9\.9"):
        zoo.resume(copy, registry=with_version(registry, "zoo-feedforward", "9.9"))


def test_a_plugin_that_is_gone_is_named_with_its_version(copy, registry):
    with pytest.raises(PluginError) as caught:
        zoo.resume(copy, registry=with_version(registry, "zoo-feedforward", None))
    assert "was trained with zoo-feedforward 0.1.0, which is not installed" in caught.value.message
    assert "zoo install zoo-feedforward==0.1.0" in caught.value.fix
    assert caught.value.exit_code == 5


def test_a_run_that_another_process_holds_is_left_alone(copy, registry):
    with copy.held(), pytest.raises(EnvironmentFault) as caught:
        zoo.resume(copy, registry=registry)
    assert f"{copy.path} is in use by process {os.getpid()} on " in caught.value.message
    assert caught.value.exit_code == 6


def test_a_folder_that_another_process_trains_into_is_left_alone(copy, registry):
    with copy.held(), pytest.raises(EnvironmentFault, match="is in use by process"):
        start(copy.path, registry)


def test_a_run_that_was_killed_before_its_last_rotation_is_rotated(copy, whole, registry):
    shutil.copytree(newest(copy), copy.checkpoints_path / "step-00000002")
    zoo.resume(copy, registry=registry)
    assert steps(copy) == steps(whole)


def test_a_best_checkpoint_that_was_lost_is_named_and_chosen_anew(tmp_path, registry):
    keys = {"epochs": 4, "checkpoint": {"keep": 1}, "optimizer": {"name": "sgd", "lr": 30.0}}
    run = start(tmp_path / "run", registry, **keys)
    assert run.status()["best_step"] is not None
    others = [path for path in run.checkpoints_path.iterdir() if path != newest(run)]
    assert others
    for path in others:
        shutil.rmtree(path)
    warnings = Warnings()
    zoo.resume(run, registry=registry, progress=warnings, epochs=5)
    assert len(warnings.said) == len(others)
    assert all(
        "the best so far, is missing or damaged; the best is chosen anew" in said for said in warnings.said
    )
    assert run.status()["best_step"] not in {int(path.name.removeprefix("step-")) for path in others}


# Damage


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(copy, whole, registry):
    path = newest(copy) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    warnings = Warnings()
    zoo.resume(copy, registry=registry, progress=warnings)
    [said] = warnings.said
    assert f"checkpoint {newest(copy)} is damaged: model.safetensors has " in said
    assert said.endswith("; the one before it is used")
    assert outcome(copy) == outcome(whole)


def test_when_every_checkpoint_is_damaged_nothing_is_trained(copy, registry):
    for path in copy.checkpoints_path.iterdir():
        (path / "state.json").write_text("{}")
    with pytest.raises(ArtifactError, match="no checkpoint in .* is whole") as caught:
        zoo.resume(copy, registry=registry)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("content", [b"{", b"\xff\x00{", None], ids=["cut", "noise", "missing"])
@pytest.mark.parametrize("name", ["recipe.toml", "environment.json", "preprocessing.onnx"])
def test_a_damaged_run_folder_is_named(copy, registry, name, content):
    (copy.path / name).unlink()
    if content is not None:
        (copy.path / name).write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        zoo.resume(copy, registry=registry)
    assert name in str(caught.value)


def test_a_log_longer_than_the_checkpoint_is_cut(copy, whole, registry):
    with copy.metrics_path.open("a") as file:
        file.write('{"epoch": 99}\n{"half')
    zoo.resume(copy, registry=registry)
    assert copy.metrics_path.read_bytes() == whole.metrics_path.read_bytes()


def test_nothing_is_resumed_where_there_is_no_run(tmp_path, registry):
    with pytest.raises(UsageError, match="is not a run folder: it does not exist"):
        zoo.resume(tmp_path / "nowhere", registry=registry)


def test_splits_of_a_resumed_run_are_those_of_the_first(registry):
    first, second = (data.load("iris", {}, seed=3, registry=registry).splits for _ in range(2))
    assert isinstance(first, Splits)
    assert [list(split.ids) for split in (first.train, first.validation, first.test)] == [
        list(split.ids) for split in (second.train, second.validation, second.test)
    ]
