import pytest
import torch

from zoo.contracts.recipe import Choice, Initialization
from zoo.errors import UsageError
from zoo.training.initialization import initialize


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )


def constant(value):
    return Choice("constant", {"value": value})


def changed(initialization, registry):
    """Parameters that differ afterwards, each with its set of values."""
    module = network()
    initialize(module, initialization, registry)
    before = dict(network().named_parameters())
    return {
        name: set(parameter.detach().flatten().tolist())
        for name, parameter in module.named_parameters()
        if not torch.equal(parameter, before[name])
    }


def test_nothing_named_keeps_the_networks_own_values(registry):
    assert changed(Initialization(), registry) == {}


def test_weights_are_parameters_with_two_or_more_dimensions(registry):
    assert changed(Initialization(weights=constant(2.0)), registry) == {"0.weight": {2.0}, "3.weight": {2.0}}


def test_biases_are_those_called_bias(registry):
    # Batch normalisation calls its shift a bias; its scale is neither.
    found = changed(Initialization(biases=constant(3.0)), registry)
    assert found == {"0.bias": {3.0}, "1.bias": {3.0}, "3.bias": {3.0}}


def test_a_pattern_comes_before_a_role_and_the_first_pattern_counts(registry):
    parameters = {"3.*": constant(4.0), "*.weight": constant(5.0)}
    found = changed(
        Initialization(weights=constant(1.5), biases=constant(2.5), parameters=parameters), registry
    )
    assert found == {
        "0.weight": {5.0},
        "0.bias": {2.5},
        "1.weight": {5.0},
        "1.bias": {2.5},
        "3.weight": {4.0},
        "3.bias": {4.0},
    }


def test_a_pattern_that_matches_nothing_lists_the_parameters(registry):
    with pytest.raises(UsageError) as caught:
        initialize(network(), Initialization(parameters={"head.*": constant(0.0)}), registry)
    assert caught.value.message == "initialization pattern 'head.*' matches no parameter"
    assert caught.value.fix == "parameters: 0.weight, 0.bias, 1.weight, 1.bias, 3.weight, 3.bias"


def test_an_initializer_that_cannot_fill_a_shape_names_the_parameter(registry):
    # Xavier needs a fan in and a fan out, which a vector does not have.
    with pytest.raises(UsageError, match=r"parameter 0.bias: "):
        initialize(network(), Initialization(biases=Choice("xavier-uniform", {"gain": 1.0})), registry)


def test_small_normal_weights_have_the_spread_that_was_asked_for(registry):
    module = torch.nn.Linear(200, 200)
    initialize(module, Initialization(weights=Choice("normal", {"mean": 0.0, "std": 0.02})), registry)
    assert module.weight.detach().std().item() == pytest.approx(0.02, rel=0.02)
