import json
import random

import numpy as np
import pytest
import torch

from zoo.training import trees
from zoo_pytorch_optimizer import facts, optimizers, wiring

# One of each kind of state that is not a tensor by parameter: projections, preconditioners, grafts, queues,
# counters among the attributes, generators of others, wrapped optimizers, words, other number formats.
PECULIAR = (
    "adafactor",
    "adalite",
    "adashift",
    "emonavi",
    "fira",
    "flashadamw",
    "galore",
    "kron",
    "lookahead",
    "looksam",
    "magma",
    "sam",
    "sara",
    "scalableshampoo",
    "schedulefreewrapper",
    "spam",
    "stablespam",
    "trac",
)


def step(optimizer, closure, seed):
    torch.manual_seed(seed)
    if wiring.needs_closure(type(optimizer).__mro__[2]):
        optimizer.step(closure)
    else:
        closure()
        optimizer.step()


def through_a_file(state):
    tensors = {}
    document = json.dumps(trees.flatten(state, tensors, "s"), allow_nan=False)
    return trees.unflatten(json.loads(document), {name: each.clone() for name, each in tensors.items()})


@pytest.mark.parametrize("name", PECULIAR)
def test_state_is_plain_and_a_restored_optimizer_goes_on_the_same(build, network, name):
    module, closure = network()
    optimizer = build(name, list(module.named_parameters()))
    getattr(optimizer, "train", int)()
    for seed in range(3):
        step(optimizer, closure, seed)
    other, other_closure = network()
    other.load_state_dict(module.state_dict())
    restored = build(name, list(other.named_parameters()))
    restored.load_state_dict(through_a_file(optimizer.state_dict()))
    for seed in range(3, 6):
        step(optimizer, closure, seed)
        step(restored, other_closure, seed)
    for one, same in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)


def test_generators_of_others_are_seeded_from_pytorchs_and_left_as_they_were(build, network):
    module, closure = network()
    optimizer = build("kron", list(module.named_parameters()))
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    step(optimizer, closure, 0)
    assert (random.random(), np.random.random()) == expected


def test_muon_takes_hidden_weights_and_leaves_the_rest_to_adamw(build):
    shapes = {
        "embedding.weight": (9, 4),
        "stem.weight": (4, 3, 3, 3),
        "layer.weight": (8, 4),
        "layer.bias": (8,),
        "head.weight": (3, 8),
    }
    named = [(name, torch.randn(shape).requires_grad_()) for name, shape in shapes.items()]
    by_parameter = {id(each): name for name, each in named}

    def hidden(**options):
        groups = build("muon", named, **options).param_groups
        return [by_parameter[id(each)] for group in groups if group["use_muon"] for each in group["params"]]

    assert hidden() == ["stem.weight", "layer.weight"]
    assert hidden(adamw=("stem.*",)) == ["embedding.weight", "layer.weight"]


@pytest.mark.parametrize("name", ["lookahead", "orthograd", "sam"])
def test_what_is_inside_can_be_chosen(build, network, name):
    module, _ = network()
    optimizer = build(name, list(module.named_parameters()), base="rmsprop", lr=0.03, weight_decay=0.2)
    inner = getattr(optimizer, "optimizer", None) or optimizer.base_optimizer
    assert type(inner) is torch.optim.RMSprop
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.03, 0.2)]


@pytest.mark.parametrize("name", sorted({"adahessian", "sophiah"}))
def test_those_that_differentiate_the_gradient_are_unsupported_for_a_reason_that_holds(build, network, name):
    module, closure = network()
    optimizer = build(name, list(module.named_parameters()))
    closure()
    with pytest.raises(RuntimeError, match="does not require grad"):
        optimizer.step()
    assert "differentiates the gradient" in facts.REASONS[name]


def test_those_that_evaluate_the_loss_are_known_by_their_code():
    known = {name for name, original in optimizers.classes().items() if wiring.needs_closure(original)}
    assert known == {"alig", "bsam", "friendlysam", "looksam", "sam", "wsam"}
