"""A plugin as a stranger would write it: pip-installed, used from end to end, and uninstalled."""

import json
import subprocess
import sys

import pytest

from tests.environments import Environment

pytestmark = pytest.mark.slow

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "zoo-stranger"
version = "1.2.3"
dependencies = ["zoo-core[train]"]

[project.entry-points.zoo]
stranger = "zoo_stranger"

[tool.setuptools]
packages = ["zoo_stranger"]
"""
REGISTRATION = '''
"""A network, a loss and an optimizer of a stranger."""

from zoo.plugin import Architecture, Loss, Optimizer, hookimpl


@hookimpl
def zoo_register():
    return [
        Architecture(
            name="maxout",
            factory="zoo_stranger.parts:Maxout",
            summary="The largest of several linear maps",
            reference="arXiv:1302.4389",
            accepts=("vector",),
            predicts=("classes",),
        ),
        Loss(
            name="brier",
            factory="zoo_stranger.parts:brier",
            summary="Squared error of the probabilities",
            fits=("classes",),
            expects="logits",
        ),
        Optimizer(
            name="lion",
            factory="zoo_stranger.parts:Lion",
            summary="Sign of interpolated momentum",
            reference="arXiv:2302.06675, alg. 2",
        ),
    ]
'''
PARTS = '''
import torch
from torch import nn

from zoo.plugin import Ge, Gt, Lt, Signature
from typing import Annotated


class Maxout(nn.Module):
    """The largest of several linear maps of hidden features (arXiv:1302.4389, eq. 1).

    Args:
        width: Hidden features.
        pieces: Linear maps that each feature is the largest of.
    """

    def __init__(self, signature: Signature, *, width: Annotated[int, Ge(1)] = 16, pieces: Annotated[int, Ge(2)] = 3):
        super().__init__()
        [num_features] = signature.inputs[0].shape
        self.maps = nn.Linear(num_features, width * pieces)
        self.pieces = pieces
        self.head = nn.Linear(width, *signature.outputs[0].shape)

    def forward(self, vector):
        return self.head(self.maps(vector).unflatten(1, (-1, self.pieces)).amax(2))


def brier():
    """Squared distance between probabilities and the one-hot truth."""

    def loss(scores, target):
        truth = nn.functional.one_hot(target, scores.shape[1]).to(scores.dtype)
        return (scores.softmax(1) - truth).square().sum(1)

    return loss


class Lion(torch.optim.Optimizer):
    """Sign of interpolated momentum (arXiv:2302.06675, algorithm 2).

    Args:
        lr: Learning rate.
        betas: Interpolation for the update, and for the momentum.
        weight_decay: Decoupled weight decay.
    """

    def __init__(
        self,
        named_parameters,
        *,
        lr: Annotated[float, Gt(0)] = 3e-3,
        betas: tuple[Annotated[float, Ge(0), Lt(1)], Annotated[float, Ge(0), Lt(1)]] = (0.9, 0.99),
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ):
        super().__init__(named_parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            first, second = group["betas"]
            for parameter in group["params"]:
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(group["lr"] * torch.lerp(parameter.grad, momentum, first).sign())
                momentum.lerp_(parameter.grad, 1 - second)
'''


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    path = tmp_path_factory.mktemp("stranger")
    package = path / "source" / "zoo_stranger"
    package.mkdir(parents=True)
    (path / "source" / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text(REGISTRATION)
    (package / "parts.py").write_text(PARTS)
    environment = Environment.over_this_one(path)
    environment.pip("install", "--no-deps", "--no-build-isolation", str(path / "source"))
    return environment


@pytest.fixture(scope="module")
def trained(environment):
    """A run with the stranger's network, loss and optimizer, exported."""
    words = ["loss=brier", "optimizer=stranger/lion", "optimizer.lr=0.01", "model.width=8", "epochs=60"]
    done = environment.zoo("train", "maxout", "--data", "iris", *words, "--run", "run", "--json")
    environment.zoo("export", "run")
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_listed_at_once(environment):
    rows = json.loads(environment.zoo("list", "--json").stdout)
    mine = {(row["kind"], row["name"], row["version"]) for row in rows if row["plugin"] == "zoo-stranger"}
    assert mine == {
        ("architecture", "maxout", "1.2.3"),
        ("loss", "brier", "1.2.3"),
        ("optimizer", "lion", "1.2.3"),
    }


def test_its_options_are_shown_with_type_default_meaning_and_paper(environment):
    shown = environment.zoo("show", "stranger/lion").stdout
    assert "lion: optimizer of zoo-stranger 1.2.3" in shown
    assert "reference: arXiv:2302.06675, alg. 2" in shown
    [betas] = [line for line in shown.splitlines() if "optimizer.betas" in line]
    assert betas.split(maxsplit=1)[1].startswith("[float ≥ 0, < 1, float ≥ 0, < 1]")
    assert "[0.9,0.99]" in betas
    assert betas.endswith("Interpolation for the update, and for the momentum")


def test_its_options_are_checked_like_any(environment):
    done = environment.zoo("train", "maxout", "--data", "iris", "model.pieces=1", code=2)
    assert "error: model.pieces=1: input should be greater than or equal to 2" in done.stderr


def test_it_trains_with_its_own_loss_and_optimizer(trained):
    assert trained["run"] == "run"
    assert trained["metrics"]["test"]["accuracy"] >= 0.85


def test_its_run_records_the_plugin(environment, trained):
    recorded = json.loads((environment.path / "run" / "environment.json").read_text())["plugins"]
    assert {"distribution": "zoo-stranger", "version": "1.2.3"} in recorded


def test_its_model_predicts_from_raw_rows(environment, trained):
    (environment.path / "flowers.csv").write_text(
        "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
    )
    done = environment.zoo("predict", "run/model.onnx", "flowers.csv", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["label"] for row in rows] == ["setosa", "virginica"]
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5) for row in rows)
    environment.zoo("verify", "run/model.onnx")


def test_once_uninstalled_it_is_gone_and_its_run_says_what_to_install(environment, trained):
    environment.pip("uninstall", "--yes", "zoo-stranger")
    assert "maxout" not in environment.zoo("list").stdout
    for words in (
        ["resume", "run"],
        ["export", "run", "-o", "again.onnx"],
        ["evaluate", "run"],
        ["train", "--recipe", "run/recipe.toml", "--run", "again"],
    ):
        done = environment.zoo(*words, code=5)
        assert "was trained with zoo-stranger 1.2.3, which is not installed" in done.stderr
        assert "zoo install zoo-stranger==1.2.3" in done.stderr
    assert not (environment.path / "again.onnx").exists()
    assert not (environment.path / "again").exists()
    for words in (["show", "stranger/maxout"], ["train", "stranger/maxout", "--data", "iris"]):
        done = environment.zoo(*words, code=5)
        assert (
            "'stranger/maxout': no plugin zoo-stranger is installed\nfix: `zoo install zoo-stranger`"
            in done.stderr
        )
    # The exported file needs no plugin.
    done = environment.zoo("predict", "run/model.onnx", "flowers.csv", "--json")
    assert len(done.stdout.splitlines()) == 2


def test_the_plugin_touches_nothing_of_the_environment_it_was_tested_from(environment):
    done = subprocess.run([sys.executable, "-m", "pip", "list"], capture_output=True, text=True, check=True)
    assert "zoo-stranger" not in done.stdout
