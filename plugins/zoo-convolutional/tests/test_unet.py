"""U-Net: scores as large as the picture, whatever its size, from what is around each pixel."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import DataError, Mask, Signature, TensorSpec
from zoo_convolutional.unet import UNet

TARGET = Mask(("ground", "disc", "square"))


def signature(channels, height, width):
    return Signature(
        (TensorSpec("picture", "image", "float32", (channels, height, width)),), TARGET, TARGET.outputs
    )


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@settings(max_examples=20, deadline=None)
@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 50),
    width=st.integers(4, 50),
    levels=st.integers(1, 5),
)
def test_scores_are_as_large_as_the_picture(channels, height, width, levels):
    network = UNet(signature(channels, height, width), width=2, levels=levels)
    scores = network(torch.randn(2, channels, height, width))
    assert scores.shape == (2, 3, height, width)
    assert scores.isfinite().all()


def test_it_has_the_convolutions_of_the_paper():
    """Figure 1: 18 convolutions of 3 x 3, four of 2 x 2 that double, and one of 1 x 1 (23 in all)."""
    layers = list(UNet(signature(1, 64, 64), width=64).modules())
    sizes = [each.kernel_size[0] for each in layers if isinstance(each, torch.nn.Conv2d)]
    assert (sizes.count(3), sizes.count(1)) == (18, 1)
    assert sum(isinstance(each, torch.nn.ConvTranspose2d) for each in layers) == 4
    assert max(each.out_channels for each in layers if isinstance(each, torch.nn.Conv2d)) == 1024


def test_a_pixel_is_scored_by_what_is_far_around_it():
    network = UNet(signature(1, 32, 32), width=4).eval()
    picture = torch.randn(1, 1, 32, 32, requires_grad=True)
    network(picture)[0, 0, 16, 16].backward()
    assert picture.grad[0, 0, 0, 0] != 0
    assert picture.grad[0, 0, 31, 31] != 0


def test_gradients_reach_every_parameter():
    network = UNet(signature(3, 18, 30), width=4)
    network(torch.randn(4, 3, 18, 30)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_a_picture_scores_the_same_alone_and_in_a_batch():
    network = UNet(signature(1, 18, 30), width=4).double()
    network(torch.randn(8, 1, 18, 30, dtype=torch.float64))
    network.eval()
    pictures = torch.randn(3, 1, 18, 30, dtype=torch.float64)
    torch.testing.assert_close(network(pictures[:1]), network(pictures)[:1], rtol=0, atol=1e-10)


def test_pictures_that_are_too_small_are_refused_with_the_size_that_will_do():
    with pytest.raises(
        DataError, match="unet needs pictures of at least 4 x 4 pixels, not 3 x 20"
    ) as refusal:
        UNet(signature(1, 3, 20))
    assert "data.size=4" in refusal.value.fix
