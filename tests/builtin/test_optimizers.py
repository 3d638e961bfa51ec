import copy
import importlib
import math

import pytest
import torch

from zoo.builtin import OPTIMIZERS
from zoo.builtin.optimizers import Muon

BY_NAME = {entry.name: entry for entry in OPTIMIZERS}
DENSE = [name for name in BY_NAME if name != "sparse-adam"]


def build(name, named_parameters, **options):
    module, _, attribute = BY_NAME[name].factory.partition(":")
    return getattr(importlib.import_module(module), attribute)(named_parameters, **options)


class Quadratic:
    """Half the squared distance of every parameter from 1."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        shapes = {"first.weight": (4, 3), "first.bias": (4,), "head.weight": (2, 4), "head.bias": (2,)}
        self.parameters = {
            name: torch.randn(shape, generator=generator).requires_grad_() for name, shape in shapes.items()
        }

    def cost(self):
        return sum((parameter - 1).square().sum() / 2 for parameter in self.parameters.values())

    def step(self, optimizer):
        def closure():
            optimizer.zero_grad()
            cost = self.cost()
            cost.backward()
            return cost

        return optimizer.step(closure)


def test_every_optimizer_of_torch_is_in_the_zoo():
    offered = {
        name
        for name, value in vars(torch.optim).items()
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }
    registered = {entry.factory.partition(":")[2] for entry in OPTIMIZERS}
    assert offered == registered


@pytest.mark.parametrize("name", DENSE)
def test_an_optimizer_descends_a_quadratic(name):
    quadratic = Quadratic()
    # Adadelta's steps begin near zero whatever the rate: it has more of them.
    optimizer = build(name, quadratic.parameters.items(), lr=1.0 if name in {"adadelta", "lbfgs"} else 0.1)
    before = quadratic.cost().item()
    for _ in range(300 if name == "adadelta" else 60):
        quadratic.step(optimizer)
    assert quadratic.cost().item() < 0.5 * before


def test_sparse_adam_descends_on_the_rows_that_are_looked_up():
    table = torch.nn.Embedding(5, 2, sparse=True, _weight=torch.zeros(5, 2))
    optimizer = build("sparse-adam", table.named_parameters(), lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        (table(torch.tensor([1, 3])) - 1).square().sum().backward()
        optimizer.step()
    assert (table.weight[[1, 3]] - 1).abs().max().item() < 0.2
    assert torch.equal(table.weight[[0, 2, 4]], torch.zeros(3, 2))


@pytest.mark.parametrize("name", DENSE)
def test_a_restored_optimizer_goes_on_bitwise_the_same(name):
    quadratic = Quadratic()
    optimizer = build(name, quadratic.parameters.items())
    for _ in range(3):
        quadratic.step(optimizer)
    other = Quadratic()
    with torch.no_grad():
        for key, parameter in other.parameters.items():
            parameter.copy_(quadratic.parameters[key])
    restored = build(name, other.parameters.items())
    # A state dict shares its tensors with the optimizer; a checkpoint does not.
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(3):
        quadratic.step(optimizer)
        other.step(restored)
    for key, parameter in quadratic.parameters.items():
        assert torch.equal(parameter, other.parameters[key])


def two_steps(name, gradients, **options):
    """A parameter that starts at 1, after two given gradients, in double precision."""
    parameter = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = build(name, [("weight", parameter)], **options)
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
    return parameter.item()


def test_sgd_moves_against_the_gradient():
    assert two_steps("sgd", [0.5, -2.0], lr=0.1) == pytest.approx(1 - 0.1 * 0.5 + 0.1 * 2.0)


def test_momentum_adds_a_share_of_the_last_update():
    assert two_steps("sgd", [0.5, -2.0], lr=0.1, momentum=0.9) == pytest.approx(
        1 - 0.1 * 0.5 - 0.1 * (0.9 * 0.5 - 2.0)
    )


def adam_by_hand(gradients, lr, shrink=0.0):
    value, mean, square = 1.0, 0.0, 0.0
    for number, gradient in enumerate(gradients, start=1):
        value -= lr * shrink * value
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        value -= lr * (mean / (1 - 0.9**number)) / (math.sqrt(square / (1 - 0.999**number)) + 1e-8)
    return value


def test_adam_follows_algorithm_1_of_its_paper():
    assert two_steps("adam", [0.5, -2.0], lr=0.1) == pytest.approx(adam_by_hand([0.5, -2.0], 0.1), rel=1e-12)


def test_adamw_decays_weights_apart_from_the_gradient():
    expected = adam_by_hand([0.5, -2.0], 0.1, shrink=0.05)
    assert two_steps("adamw", [0.5, -2.0], lr=0.1, weight_decay=0.05) == pytest.approx(expected, rel=1e-12)


def network(*names_and_shapes):
    return [(name, torch.randn(shape).requires_grad_()) for name, shape in names_and_shapes]


def names_by_part(optimizer):
    return {type(part).__name__: part.param_groups[0]["param_names"] for part in optimizer._parts}


def test_muon_takes_hidden_matrices_and_leaves_the_rest_to_adamw():
    parameters = network(
        ("embedding.weight", (9, 4)),
        ("stem.weight", (4, 3, 3, 3)),
        ("layer1.weight", (8, 4)),
        ("layer1.bias", (8,)),
        ("layer2.weight", (8, 8)),
        ("head.weight", (3, 8)),
        ("head.bias", (3,)),
    )
    assert names_by_part(Muon(parameters)) == {
        "Muon": ["layer1.weight", "layer2.weight"],
        "AdamW": ["embedding.weight", "stem.weight", "layer1.bias", "head.weight", "head.bias"],
    }
    assert names_by_part(Muon(parameters, adamw=("layer1.*",)))["Muon"] == [
        "embedding.weight",
        "layer2.weight",
    ]


def test_muon_of_a_single_layer_is_adamw():
    assert names_by_part(Muon(network(("weight", (3, 8)), ("bias", (3,))))) == {"AdamW": ["weight", "bias"]}


def test_muon_moves_a_matrix_by_a_nearly_orthogonal_step():
    parameters = network(("hidden.weight", (32, 16)), ("head.weight", (2, 32)))
    hidden = parameters[0][1]
    before = hidden.detach().clone()
    hidden.grad = torch.randn(32, 16) @ torch.diag(torch.logspace(0, 2, 16))
    optimizer = Muon(parameters, lr=0.1, weight_decay=0.0)
    optimizer.step()
    # Moonlight, eq. 4: the step is 0.2 sqrt(max(rows, columns)) times a matrix of singular values near 1.
    update = (before - hidden.detach()) / (0.1 * 0.2 * math.sqrt(32))
    singular = torch.linalg.svdvals(update)
    assert 0.5 < singular.min().item() <= singular.max().item() < 1.5


def test_muon_obeys_a_learning_rate_that_is_set_from_outside():
    quadratic = Quadratic()
    optimizer = Muon(quadratic.parameters.items())
    before = {name: parameter.detach().clone() for name, parameter in quadratic.parameters.items()}
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    quadratic.step(optimizer)
    assert all(torch.equal(before[name], parameter) for name, parameter in quadratic.parameters.items())


def test_a_restored_muon_still_obeys_its_learning_rate():
    quadratic = Quadratic()
    optimizer = Muon(quadratic.parameters.items())
    quadratic.step(optimizer)
    optimizer.load_state_dict(optimizer.state_dict())
    before = {name: parameter.detach().clone() for name, parameter in quadratic.parameters.items()}
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    quadratic.step(optimizer)
    assert all(torch.equal(before[name], parameter) for name, parameter in quadratic.parameters.items())


def test_every_part_of_muon_is_in_its_state_dict():
    quadratic = Quadratic()
    optimizer = Muon(quadratic.parameters.items())
    quadratic.step(optimizer)
    state = optimizer.state_dict()
    assert sorted(state["state"]) == [0, 1, 2, 3]
    assert set(state["state"][0]) == {"momentum_buffer"}
    assert set(state["state"][1]) == {"step", "exp_avg", "exp_avg_sq"}
