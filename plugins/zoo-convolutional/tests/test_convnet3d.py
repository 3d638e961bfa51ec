import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import Classes, DataError, Signature, TensorSpec
from zoo_convolutional.convnet3d import ConvNet3D

THREE_CLASSES = Classes(("cat", "dog", "owl"))


def signature_of(shape, target=THREE_CLASSES):
    clip = TensorSpec("clip", "video", "float32", shape)
    return Signature((clip,), target, (TensorSpec("scores", target.kind, "float32", target.scores_shape),))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_scores_have_the_shape_that_the_target_asks_for(target):
    network = ConvNet3D(signature_of((3, 4, 16, 16), target))
    assert network(torch.randn(2, 3, 4, 16, 16)).shape == (2, *target.scores_shape)
    assert network.eval()(torch.randn(1, 3, 4, 16, 16)).shape == (1, *target.scores_shape)


@settings(max_examples=20, deadline=None)
@given(
    channels=st.sampled_from([1, 3]),
    num_frames=st.integers(1, 17),
    height=st.integers(4, 70),
    width=st.integers(4, 70),
)
def test_clips_of_any_length_and_size_give_finite_scores(channels, num_frames, height, width):
    shape = (channels, num_frames, height, width)
    scores = ConvNet3D(signature_of(shape), width=4)(torch.randn(2, *shape))
    assert scores.shape == (2, 3)
    assert scores.isfinite().all()


def test_gradients_reach_every_parameter(target):
    network = ConvNet3D(signature_of((3, 4, 16, 16), target))
    network(torch.randn(8, 3, 4, 16, 16)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_an_example_scores_the_same_alone_and_in_a_batch():
    network = ConvNet3D(signature_of((1, 4, 16, 16))).double()
    network(torch.randn(8, 1, 4, 16, 16, dtype=torch.float64))
    network.eval()
    clips = torch.randn(3, 1, 4, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(clips[:1]), network(clips)[:1], rtol=0, atol=1e-10)


def test_the_order_of_frames_matters():
    network = ConvNet3D(signature_of((1, 8, 16, 16))).double().eval()
    torch.nn.init.normal_(network.head.weight)
    clips = torch.randn(2, 1, 8, 16, 16, dtype=torch.float64)
    assert (network(clips) - network(clips.flip(2))).abs().max() > 1e-3


def test_a_stage_has_twice_the_maps_of_the_one_before_and_the_first_pooling_leaves_time_alone():
    network = ConvNet3D(signature_of((1, 16, 64, 64)), width=4, depth=2)
    filters = [each for each in network.modules() if isinstance(each, torch.nn.Conv3d)]
    assert [each.out_channels for each in filters] == [4, 4, 8, 8, 16, 16, 32, 32, 64, 64]
    pools = [each.kernel_size for each in network.modules() if isinstance(each, torch.nn.MaxPool3d)]
    assert pools == [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]


def test_frames_that_are_too_small_are_refused_with_the_size_that_will_do():
    with pytest.raises(
        DataError, match="convnet3d needs frames of at least 4 x 4 pixels, not 3 x 20"
    ) as caught:
        ConvNet3D(signature_of((1, 8, 3, 20)))
    assert caught.value.fix == "enlarge them with data.size=4"
