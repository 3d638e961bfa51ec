import pytest
import torch

from zoo.plugin import Classes
from zoo_convolutional.convnet import ConvNet, num_stages

TEN_CLASSES = Classes(tuple("0123456789"))


def strides_and_maps(network):
    return [
        (layer.stride[0], layer.out_channels)
        for layer in network.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]


@pytest.mark.parametrize(("side", "stages"), [(4, 1), (7, 1), (8, 2), (28, 3), (32, 4), (64, 5), (512, 5)])
def test_stages_are_added_while_four_pixels_remain(side, stages):
    assert num_stages(side) == stages


def test_each_stage_has_twice_the_maps_of_the_one_before(signature_of):
    network = ConvNet(signature_of((1, 28, 28), TEN_CLASSES), width=8, depth=2)
    assert strides_and_maps(network) == [(1, 8), (1, 8), (1, 16), (1, 16), (1, 32), (1, 32)]


def test_the_first_convolution_halves_photos_only(signature_of):
    assert strides_and_maps(ConvNet(signature_of((3, 224, 224), TEN_CLASSES)))[0] == (2, 16)
    assert strides_and_maps(ConvNet(signature_of((3, 64, 64), TEN_CLASSES)))[0] == (1, 16)


def test_the_parameters_are_those_of_its_layers(signature_of):
    # 3 x 3 weights, then scale and shift of each normalisation; ten scores of the last 32 maps.
    convolutions = 9 * (1 * 16 + 16 * 16 + 16 * 32 + 32 * 32)
    normalisations = 2 * (16 + 16 + 32 + 32)
    network = ConvNet(signature_of((1, 8, 8), TEN_CLASSES))
    assert sum(p.numel() for p in network.parameters()) == convolutions + normalisations + 32 * 10 + 10


def test_activations_keep_their_scale_through_a_deep_network(signature_of):
    torch.manual_seed(0)
    network = ConvNet(signature_of((3, 64, 64), TEN_CLASSES), depth=4, dropout=0.0)
    features = network.features(torch.randn(4, 3, 64, 64))
    assert 0.1 < features.square().mean().sqrt() < 10


def test_dropout_acts_in_training_only(signature_of):
    network = ConvNet(signature_of((1, 8, 8), TEN_CLASSES), dropout=0.5)
    pictures = torch.randn(4, 1, 8, 8)
    assert not torch.equal(network(pictures), network(pictures))
    network.eval()
    assert torch.equal(network(pictures), network(pictures))
