"""Optimizers that are not like PyTorch's: two sets of weights, peculiar state, no learning rate."""

import pytest
import torch

import zoo
from tests.training.test_resume import Crash, StopAt, crash, interrupt, outcome, start
from zoo.contracts.entries import Optimizer
from zoo.contracts.examples import Batch, Turn
from zoo.errors import Interrupted, UsageError
from zoo.registry import Plugin, Registry
from zoo.training import checkpoints, session, trees
from zoo.training.compiled import why_not_whole
from zoo.training.player import Player
from zoo.training.progress import Progress
from zoo.training.state import weights_of
from zoo.training.step import Step


class Averaging(torch.optim.SGD):
    """Gradient descent that answers with the mean of all weights it went through, as its mode says."""

    def __init__(self, named_parameters, *, lr: float = 0.1):
        super().__init__(named_parameters, lr=lr)
        self.param_groups[0]["is_training"] = False

    def step(self, closure=None):
        [group] = self.param_groups
        assert group["is_training"], "it learned with the weights that answer"
        super().step(closure)
        for parameter in group["params"]:
            state = self.state[parameter]
            state["steps"] = state.get("steps", 0) + 1
            mean = state.setdefault("mean", torch.zeros_like(parameter))
            mean.lerp_(parameter.detach(), 1 / state["steps"])

    def eval(self):
        self._swap(is_training=False)

    def train(self):
        self._swap(is_training=True)

    @torch.no_grad()
    def _swap(self, *, is_training):
        [group] = self.param_groups
        if group["is_training"] == is_training:
            return
        group["is_training"] = is_training
        for parameter in group["params"]:
            if "mean" in self.state[parameter]:
                # Not exact, as with those that are in use: what was swapped twice differs in its last bits.
                distance = (self.state[parameter]["mean"] - parameter) * 3
                parameter.add_(distance / 3 if not is_training else -distance / 7)


class Peculiar(torch.optim.SGD):
    """State of every kind: another number format, words, lists, and numbers that belong to no parameter."""

    def __init__(self, named_parameters, *, lr: float = 0.1):
        super().__init__(named_parameters, lr=lr)

    def step(self, closure=None):
        self.state["steps"] = self.state.get("steps", 0) + 1
        self.param_groups[0].setdefault("last", torch.zeros(1)).add_(1)
        for parameter in self.param_groups[0]["params"]:
            state = self.state[parameter]
            state["word"] = state.get("word", "") + "a"
            state["coarse"] = (state.get("coarse", 0) + parameter.grad).to(torch.bfloat16)
            state["fine"] = [state.get("fine", [0])[0] + parameter.grad.double() / 3]
            assert set(state["word"]) == {"a"}
            parameter.grad.add_(state["coarse"]).add_(state["fine"][0].float())
        return super().step(closure)


class RateFree(torch.optim.Optimizer):
    """Finds its learning rate itself."""

    def __init__(self, named_parameters, *, lr: float | None = None):
        super().__init__([parameter for _, parameter in named_parameters], {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for parameter in self.param_groups[0]["params"]:
            parameter.sub_(parameter.grad, alpha=0.1)


class Around(torch.optim.Optimizer):
    """Another optimizer inside, whose groups and state are all it has; its state dict is its own."""

    def __init__(self, named_parameters, *, lr: float = 0.01):
        self.inner = torch.optim.Adam(named_parameters, lr=lr)
        super().__init__(self.inner.param_groups, {})
        self.slow = {}

    def step(self, closure=None):
        self.inner.step()
        for number, parameter in enumerate(self.inner.param_groups[0]["params"]):
            key = (0, number)
            self.slow[key] = self.slow.get(key, 0) + parameter.detach()
            with torch.no_grad():
                parameter.lerp_(self.slow[key], 0.01)

    def state_dict(self):
        return {"inner": self.inner.state_dict(), "slow": dict(self.slow)}

    def load_state_dict(self, state_dict):
        self.inner.load_state_dict(state_dict["inner"])
        self.slow = dict(state_dict["slow"])
        self.param_groups = self.inner.param_groups


MADE = {"averaging": Averaging, "peculiar": Peculiar, "rate-free": RateFree, "around": Around}


@pytest.fixture(scope="module")
def with_made(registry):
    entries = tuple(
        Optimizer(name=name, factory=f"{__name__}:{made.__name__}", summary="Made for a test")
        for name, made in MADE.items()
    )
    return Registry(plugins=[*registry.plugins, Plugin("made", "1", __name__, entries)])


@pytest.mark.parametrize(("name", "is_whole"), [("sgd", True), ("adam", True), ("peculiar", False)])
def test_a_step_whose_optimizer_counts_outside_of_tensors_is_not_compiled_whole(name, is_whole):
    module = torch.nn.Linear(2, 1)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, **MADE}[name](list(module.named_parameters()))
    player = Player("model", module, made, lambda step, num_steps: 1.0)
    step = Step({"model": player}, supervised_square)
    step([Batch((torch.ones(3, 2),), torch.zeros(3, 1))])
    said = "" if is_whole else "the optimizer counts or keeps lists outside of tensors"
    assert why_not_whole(step, 1) == said


def supervised_square(models, batch):
    yield Turn("model", (models["model"](*batch.inputs) - batch.target).square())


@pytest.mark.parametrize(
    ("name", "step", "act"),
    [
        ("averaging", 5, crash),
        ("averaging", 7, interrupt),
        ("peculiar", 5, crash),
        ("rate-free", 5, interrupt),
        ("around", 5, crash),
    ],
)
def test_it_is_stopped_and_resumed_to_the_same_bytes(tmp_path, with_made, name, step, act):
    whole = start(tmp_path / "whole", with_made, optimizer=name)
    with pytest.raises((Interrupted, Crash)):
        start(tmp_path / "run", with_made, StopAt(step, act), optimizer=name)
    run = zoo.runs.Run(tmp_path / "run")
    session.resume(run, {}, registry=with_made, progress=Progress())
    assert outcome(run) == outcome(whole)


def test_the_network_answers_with_the_weights_that_the_optimizer_has_for_it(tmp_path, with_made):
    run = start(tmp_path / "run", with_made, optimizer="averaging", checkpoint={"keep": 9})
    checkpoint = checkpoints.load(run.checkpoints_path, run.status()["step"])
    state = trees.unflatten(checkpoint.state["optimizers"]["model"], checkpoint.optimizer)
    names = state["param_groups"][0]["param_names"]
    answering = weights_of(checkpoint, "model")
    assert len(names) == len(state["state"]) > 2
    for number, name in enumerate(names):
        torch.testing.assert_close(answering[name], state["state"][number]["mean"])
        assert not torch.equal(answering[name], checkpoint.model[f"model/{name}"])


def test_how_often_it_was_looked_at_does_not_change_what_was_learned(tmp_path, with_made):
    seldom = start(tmp_path / "seldom", with_made, optimizer="averaging", checkpoint={"every": 9})
    often = start(tmp_path / "often", with_made, optimizer="averaging", checkpoint={"every": 1})
    assert outcome(seldom)["optimizer.safetensors"] == outcome(often)["optimizer.safetensors"]


def test_two_averages_of_one_network_are_refused(tmp_path, with_made):
    with pytest.raises(UsageError) as caught:
        start(tmp_path / "run", with_made, optimizer="averaging", ema=0.9)
    assert caught.value.message == "ema averages weights, and Averaging does so itself"
    assert caught.value.fix == "ema=none"
