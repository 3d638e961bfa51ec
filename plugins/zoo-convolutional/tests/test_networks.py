"""What all three networks have in common."""

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import Binary, Classes, DataError, Signature, TensorSpec
from zoo_convolutional.convnet import ConvNet
from zoo_convolutional.lenet import LeNet
from zoo_convolutional.resnet import ResNet

THREE_CLASSES = Classes(("cat", "dog", "owl"))
TEN_CLASSES = Classes(tuple("0123456789"))
NETWORKS = [LeNet, ConvNet, ResNet]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("network", NETWORKS)
def test_scores_have_the_shape_that_the_target_asks_for(network, signature_of, target):
    scores = network(signature_of((1, 16, 16), target))(torch.randn(3, 1, 16, 16))
    assert scores.shape == (3, *target.scores_shape)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_batch_of_one_keeps_its_batch_axis(network, signature_of, target):
    evaluated = network(signature_of((1, 16, 16), target)).eval()
    assert evaluated(torch.randn(1, 1, 16, 16)).shape == (1, *target.scores_shape)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 32, 32), (3, 20, 45), (3, 96, 96)], ids=str
)
@pytest.mark.parametrize("network", NETWORKS)
def test_small_large_grey_and_colour_pictures_are_taken(network, shape, signature_of):
    scores = network(signature_of(shape, THREE_CLASSES))(torch.randn(2, *shape))
    assert scores.shape == (2, 3)
    assert scores.isfinite().all()


@settings(max_examples=25, deadline=None)
@given(
    network=st.sampled_from([LeNet, ConvNet]),
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 80),
    width=st.integers(4, 80),
)
def test_any_size_from_the_smallest_on_gives_finite_scores(network, channels, height, width):
    picture = TensorSpec("picture", "image", "float32", (channels, height, width))
    signature = Signature((picture,), THREE_CLASSES, (TensorSpec("scores", "classes", "float32", (3,)),))
    scores = network(signature)(torch.randn(2, channels, height, width))
    assert scores.shape == (2, 3)
    assert scores.isfinite().all()


@pytest.mark.parametrize("network", NETWORKS)
def test_an_example_scores_the_same_alone_and_in_a_batch(network, signature_of):
    trained = network(signature_of((1, 16, 16), THREE_CLASSES)).double()
    trained(torch.randn(16, 1, 16, 16, dtype=torch.float64))
    trained.eval()
    pictures = torch.randn(4, 1, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(trained(pictures[:1]), trained(pictures)[:1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("network", NETWORKS)
def test_evaluation_gives_the_same_scores_twice(network, signature_of):
    evaluated = network(signature_of((1, 16, 16), THREE_CLASSES)).eval()
    pictures = torch.randn(4, 1, 16, 16)
    assert torch.equal(evaluated(pictures), evaluated(pictures))


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_reach_every_parameter(network, signature_of, target):
    trained = network(signature_of((3, 16, 16), target))
    trained(torch.randn(16, 3, 16, 16)).square().sum().backward()
    for name, parameter in trained.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("network", NETWORKS)
def test_the_first_predictions_are_nearly_even(network, signature_of):
    trained = network(signature_of((1, 28, 28), TEN_CLASSES))
    probabilities = trained(torch.randn(32, 1, 28, 28)).softmax(1)
    assert (probabilities.mean(0) - 0.1).abs().max() < 0.05


@pytest.mark.parametrize(
    ("network", "options", "side", "message"),
    [
        (LeNet, {}, 3, "lenet needs pictures of at least 4 x 4 pixels, not 3 x 20"),
        (ConvNet, {}, 3, "convnet needs pictures of at least 4 x 4 pixels, not 3 x 20"),
        (ResNet, {}, 7, "resnet needs pictures of at least 8 x 8 pixels, not 7 x 20"),
        (
            ResNet,
            {"stem": "large"},
            28,
            "resnet with stem=large needs pictures of at least 32 x 32 pixels, not 28 x 20",
        ),
    ],
)
def test_pictures_that_are_too_small_are_refused_with_the_size_that_will_do(
    network, options, side, message, signature_of
):
    with pytest.raises(DataError) as refusal:
        network(signature_of((1, side, 20), THREE_CLASSES), **options)
    assert message in str(refusal.value)
    assert "data.size=" in refusal.value.fix


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "target"),
    [(LeNet, THREE_CLASSES), (ConvNet, Binary(("no", "yes"))), (ResNet, THREE_CLASSES)],
)
def test_the_exported_network_gives_the_same_scores_at_any_batch_size(
    network, target, signature_of, tmp_path
):
    evaluated = network(signature_of((1, 16, 16), target))
    evaluated(torch.randn(16, 1, 16, 16))
    evaluated.eval()
    torch.onnx.export(
        evaluated,
        (torch.randn(2, 1, 16, 16),),
        tmp_path / "network.onnx",
        input_names=["picture"],
        output_names=["scores"],
        dynamic_shapes=({0: "batch"},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_examples in (1, 2, 5):
        pictures = torch.randn(num_examples, 1, 16, 16)
        (scores,) = session.run(None, {"picture": pictures.numpy()})
        torch.testing.assert_close(torch.from_numpy(scores), evaluated(pictures), rtol=1e-4, atol=1e-5)
