"""``zoo.train`` from recipe to run folder."""

import json
import math

import numpy as np
import pytest
import torch

import zoo
from benchmarks.bridges import registry_without_bridges
from zoo import runs
from zoo.contracts.entries import Architecture, Loss
from zoo.errors import EnvironmentFault, NumericsError, PluginError, UsageError
from zoo.plugin import hookimpl
from zoo.registry import Plugin, Registry
from zoo.training import checkpoints
from zoo.training.trained import load_network

OPTIMIZERS = registry_without_bridges().names("optimizer")
SCHEDULES = registry_without_bridges().names("schedule")
# Its gradients must be sparse, which a linear layer's are not.
DENSE = [name for name in OPTIMIZERS if name != "sparse-adam"]
# Defaults of PyTorch: the steps of adadelta and adafactor begin small, a rate of 1e-3 is slow for plain descent.
RATES = {"adadelta": 1.0, "adafactor": 0.1, "sgd": 0.1, "asgd": 0.1, "lbfgs": 0.5, "adagrad": 0.1}


def log(run):
    return [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


# Optimizers and schedules


def chosen(name):
    """Keys of a recipe; L-BFGS needs the curvature of one unchanging cost, so it sees the whole split."""
    optimizer = {"name": name, "lr": RATES.get(name, 0.01)}
    if name != "lbfgs":
        return {"optimizer": optimizer}
    return {"optimizer": {**optimizer, "line_search_fn": "strong_wolfe"}, "batch_size": 200}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_every_optimizer_descends_on_iris(train, name, schedule):
    run = train(model="perceptron", schedule=schedule, epochs=4, **chosen(name))
    losses = [line["train"]["loss"] for line in log(run)]
    assert losses[-1] < losses[0]


def test_an_optimizer_that_cannot_take_dense_gradients_says_so(train):
    with pytest.raises(
        PluginError, match="step 0 of .*sparse-adam failed: .* does not support dense gradients"
    ):
        train(optimizer="sparse-adam")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "lbfgs"])
def test_every_schedule_descends_on_iris(train, schedule, optimizer):
    run = train(model="perceptron", schedule=schedule, epochs=4, **chosen(optimizer))
    losses = [line["train"]["loss"] for line in log(run)]
    assert losses[-1] < losses[0]


# What a run holds


def test_a_finished_run_holds_what_it_promises(train):
    run = train(epochs=3)
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        "recipe.toml",
        "environment.json",
        "preprocessing.onnx",
        "metrics.jsonl",
        "status.json",
        "report.html",
        ".lock",
        "checkpoints",
    }
    status = run.status()
    assert (status["state"], status["epoch"], status["step"]) == ("finished", 3, 12)
    assert set(status["metrics"]) == {"validation", "test"}
    assert set(status["metrics"]["test"]) == {"loss", "accuracy", "macro_f1"}


def test_each_epoch_is_one_line_of_the_log(train):
    lines = log(train(epochs=3))
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 4), (2, 8), (3, 12)]
    assert set(lines[0]["train"]) == {"loss"}
    assert set(lines[0]["validation"]) == {"loss", "accuracy", "macro_f1"}


def test_training_learns_iris(train):
    run = train(model={"name": "mlp", "hidden": [16]}, epochs=40, optimizer={"lr": 0.02})
    assert run.status()["metrics"]["test"]["accuracy"] >= 0.9


def test_training_leaves_the_random_state_of_the_caller_alone(train):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_checkpoint_is_kept_and_judged(train):
    run = train(
        epochs=12,
        optimizer={"name": "sgd", "lr": 3.0},
        schedule="constant",
        checkpoint={"best": "loss", "keep": 1},
    )
    losses = [line["validation"]["loss"] for line in log(run)]
    best = int(np.argmin(losses))
    status = run.status()
    assert status["best_step"] == 4 * (best + 1)
    assert status["metrics"]["validation"]["loss"] == losses[best]
    assert checkpoints.steps(run.checkpoints_path) == sorted({status["best_step"], 48})


def test_early_stopping_ends_after_epochs_without_improvement(train):
    # At a learning rate of zero nothing ever improves on the first epoch.
    run = train(epochs=50, optimizer={"name": "sgd", "lr": 0.0}, early_stopping={"patience": 3})
    assert [line["epoch"] for line in log(run)] == [1, 2, 3, 4]
    assert run.status()["best_step"] == 4


def test_an_improvement_below_the_margin_does_not_count(train):
    keys = {"optimizer": {"name": "sgd", "lr": 1e-4}, "schedule": "constant", "checkpoint": {"best": "loss"}}
    short = train("short", epochs=20, early_stopping={"patience": 2, "min_delta": 1.0}, **keys)
    long = train("long", epochs=20, early_stopping={"patience": 2}, **keys)
    assert len(log(short)) == 3
    assert len(log(long)) == 20


def test_the_average_of_the_weights_is_what_is_judged(train, registry):
    run = train(ema=0.5)
    newest, _ = checkpoints.load_newest(run.checkpoints_path)
    assert newest is not None
    network = load_network(run, registry)
    best = checkpoints.load(run.checkpoints_path, network.step).model
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, best[f"model@ema/module.{name}"])
        assert not torch.equal(value, best[f"model/{name}"])


def test_gradient_accumulation_changes_nothing_but_rounding(train, registry):
    model = {"name": "mlp", "hidden": [8]}
    one, many = (
        load_network(train(f"a{parts}", model=model, accumulate=parts), registry).module.state_dict()
        for parts in (1, 5)
    )
    for name, value in one.items():
        torch.testing.assert_close(many[name], value, rtol=1e-4, atol=1e-5)


def test_initialization_is_applied_before_the_first_step(train, registry):
    initialization = {"weights": 0.25, "biases": 0.5}
    run = train(initialization=initialization, optimizer={"name": "sgd", "lr": 0.0})
    for name, value in load_network(run, registry).module.named_parameters():
        assert set(value.flatten().tolist()) == {0.25 if name.endswith("weight") else 0.5}


@pytest.mark.parametrize(
    ("data", "metrics"),
    [
        ("iris", {"accuracy", "macro_f1"}),
        ("breast-cancer", {"accuracy", "f1", "auroc"}),
        ("diabetes", {"rmse", "mae", "r2"}),
        ("digits", {"accuracy", "macro_f1"}),
    ],
)
def test_the_data_decides_what_is_reported(train, data, metrics):
    test = train(data=data).status()["metrics"]["test"]
    assert set(test) == {"loss", *metrics}
    assert all(math.isfinite(value) for value in test.values())


# What goes wrong


def test_an_existing_run_folder_is_left_alone(train, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(UsageError, match="run folder .*run exists"):
        train()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_folder_that_cannot_be_written_is_an_environment_fault(train, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="cannot be written") as caught:
        train("file/run")
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model": "mpl"}, "there is no architecture 'mpl'"),
        ({"data": "irsi"}, "there is no dataset 'irsi'"),
        ({"data": {"name": "iris", "targte": "x"}}, "unknown key 'data.targte'"),
        ({"model": {"name": "mlp", "hiden": [8]}}, "unknown key 'model.hiden'"),
        ({"model": {"name": "mlp", "hidden": [0]}}, "model.hidden.0=0"),
        ({"loss": "huber"}, "loss 'huber' is for values or forecast, but the data's target is classes"),
        ({"optimizer": {"lr": "fast"}}, "optimizer.lr=fast"),
        ({"seed": -1}, "seed=-1"),
        (
            {"initialization": {"parameters": {"nowhere.*": 0}}},
            "initialization pattern 'nowhere.*' matches no parameter",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_leaves_nothing_behind(train, tmp_path, keys, message):
    with pytest.raises(UsageError) as caught:
        train(**keys)
    assert caught.value.message.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_an_architecture_that_does_not_take_the_data_is_refused(train, tmp_path):
    with pytest.raises(UsageError, match="the data gives number .*; the network accepts image") as caught:
        train(model="lenet")
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_divergence_stops_with_step_and_examples_and_a_whole_checkpoint(train, tmp_path):
    with pytest.raises(NumericsError) as caught:
        train(
            data="diabetes",
            model="perceptron",
            epochs=200,
            optimizer={"name": "sgd", "lr": 3.0},
            schedule="constant",
        )
    assert caught.value.exit_code == 7
    assert caught.value.message.startswith("step ")
    assert "the loss of 'model' is " in caught.value.message
    assert "the batch holds diabetes " in caught.value.message
    run = runs.find(tmp_path / "run")
    assert run.status()["state"] == "failed"
    newest, warnings = checkpoints.load_newest(run.checkpoints_path)
    assert warnings == []
    assert all(torch.isfinite(value).all() for value in newest.model.values())


# Plugins of one's own


class Halves(torch.nn.Module):
    """Emits scores from features, as a stranger would write it."""

    def __init__(self, signature):
        super().__init__()
        self.linear = torch.nn.Linear(signature.inputs[0].shape[0], *signature.outputs[0].shape)

    def forward(self, vector):
        return self.linear(vector)


def reduced():
    return torch.nn.CrossEntropyLoss()


def no_module(signature):
    return "network"


def entries():
    common = {"summary": "", "accepts": ("vector",), "predicts": ("classes",)}
    return (
        Architecture(name="halves", factory=f"{__name__}:Halves", **common),
        Architecture(name="text", factory=f"{__name__}:no_module", **common),
        Loss(name="reduced", factory=f"{__name__}:reduced", summary="", fits=("classes",), expects="logits"),
    )


@pytest.fixture
def own(registry):
    return Registry(plugins=[*registry.plugins, Plugin("zoo-own", "1.0", __name__, entries())])


def test_a_registry_of_ones_own_trains(own, tmp_path):
    run = zoo.train("halves", data="iris", epochs=1, run=tmp_path / "run", registry=own)
    assert '"distribution": "zoo-own"' in run.environment_path.read_text()


def test_a_loss_that_comes_reduced_is_refused(own, tmp_path):
    with pytest.raises(PluginError, match="returned a single number"):
        zoo.train("halves", data="iris", loss="reduced", run=tmp_path / "run", registry=own)


def test_a_factory_that_makes_no_module_is_named(own, tmp_path):
    with pytest.raises(PluginError, match="architecture 'text' of zoo-own 1.0 returned str, not a module"):
        zoo.train("text", data="iris", run=tmp_path / "run", registry=own)
    assert not (tmp_path / "run").exists()


class Tracker:
    def __init__(self):
        self.seen = []

    @hookimpl
    def zoo_run_started(self, run):
        self.seen.append(("started", run.status()["state"]))

    @hookimpl
    def zoo_metrics_logged(self, step, metrics):
        self.seen.append((step, sorted(metrics)))

    @hookimpl
    def zoo_run_finished(self, run):
        self.seen.append(("finished", run.status()["state"]))


def test_hooks_are_told_of_the_run(tmp_path):
    registry, tracker = Registry.discover(), Tracker()
    registry.hooks.register(tracker)
    zoo.train("perceptron", data="iris", epochs=2, run=tmp_path / "run", registry=registry)
    metrics = ["train_loss", "validation_accuracy", "validation_loss", "validation_macro_f1"]
    assert tracker.seen == [("started", "running"), (4, metrics), (8, metrics), ("finished", "finished")]
