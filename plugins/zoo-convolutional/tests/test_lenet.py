import pytest
import torch

from zoo.plugin import Classes
from zoo_convolutional.lenet import LeNet, side_plan

TEN_CLASSES = Classes(tuple("0123456789"))


def count(*layers):
    return [sum(parameter.numel() for parameter in layer.parameters()) for layer in layers]


@pytest.mark.parametrize("side", [28, 32])
def test_layers_have_the_parameters_of_the_paper(side, signature_of):
    # LeCun et al. 1998, section II.B: C1 156, C5 48,120, F6 10,164; C3 with all six maps: 16 (6 * 25 + 1).
    network = LeNet(signature_of((1, side, side), TEN_CLASSES))
    layers = [layer for layer in network.features if list(layer.parameters())]
    assert count(*layers) == [156, 2416, 48120, 10164]


def test_the_network_with_a_linear_output_has_61706_parameters(signature_of):
    # The four layers above, and ten linear outputs of 84 units: 156 + 2,416 + 48,120 + 10,164 + 850.
    assert count(LeNet(signature_of((1, 32, 32), TEN_CLASSES))) == [61706]


@pytest.mark.parametrize(
    ("side", "plan"),
    [(32, (0, 0, 5)), (28, (2, 0, 5)), (8, (2, 2, 2)), (4, (2, 2, 1)), (224, (0, 0, 53))],
)
def test_short_sides_are_padded_so_that_something_is_left_for_c5(side, plan):
    assert side_plan(side) == plan


def test_a_28_pixel_digit_is_seen_as_in_the_middle_of_the_papers_field(signature_of):
    torch.manual_seed(0)
    small = LeNet(signature_of((1, 28, 28), TEN_CLASSES))
    field = LeNet(signature_of((1, 32, 32), TEN_CLASSES))
    field.load_state_dict(small.state_dict())
    digits = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(small(digits), field(torch.nn.functional.pad(digits, (2, 2, 2, 2))))


def test_relu_replaces_every_tanh(signature_of):
    network = LeNet(signature_of((1, 28, 28), TEN_CLASSES), activation="relu")
    kinds = [type(layer) for layer in network.features]
    assert torch.nn.Tanh not in kinds
    assert kinds.count(torch.nn.ReLU) == 4
