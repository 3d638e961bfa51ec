import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import Binary, Classes, Signature, TensorSpec, Values
from zoo_feedforward.mlp import ACTIVATIONS, MLP
from zoo_feedforward.perceptron import Perceptron

THREE_CLASSES = Classes(("cat", "dog", "owl"))
NETWORKS = [Perceptron, MLP]


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("network", NETWORKS)
def test_scores_have_the_shape_that_the_target_asks_for(network, signature_of, target):
    scores = network(signature_of(7, target))(torch.randn(5, 7))
    assert scores.shape == (5, *target.scores_shape)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_batch_of_one_keeps_its_batch_axis(network, signature_of, target):
    scores = network(signature_of(7, target))(torch.randn(1, 7))
    assert scores.shape == (1, *target.scores_shape)


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer"])
def test_an_example_scores_the_same_alone_and_in_a_batch(normalisation, signature_of, target):
    network = MLP(signature_of(7, target), normalisation=normalisation, dropout=0.5).double()
    network(torch.randn(32, 7, dtype=torch.float64))
    network.eval()
    features = torch.randn(5, 7, dtype=torch.float64)
    torch.testing.assert_close(network(features[:1]), network(features)[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_evaluation_gives_the_same_scores_twice(network, signature_of):
    evaluated = network(signature_of(7, THREE_CLASSES)).eval()
    features = torch.randn(5, 7)
    assert torch.equal(evaluated(features), evaluated(features))


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_reach_every_parameter(activation, normalisation, signature_of, target):
    network = MLP(signature_of(7, target), activation=activation, normalisation=normalisation)
    network(torch.randn(64, 7)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-6, name


def test_the_perceptron_is_a_linear_map_of_its_weights(signature_of):
    network = Perceptron(signature_of(2, Values(("sum",))))
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[2.0, -3.0]]))
        network.head.bias.copy_(torch.tensor([0.5]))
    torch.testing.assert_close(network(torch.tensor([[1.0, 1.0], [4.0, 2.0]])), torch.tensor([[-0.5], [2.5]]))


def test_the_perceptron_has_a_weight_for_each_feature_and_class(signature_of):
    assert count_parameters(Perceptron(signature_of(784, Classes(tuple("0123456789"))))) == 784 * 10 + 10


def test_hidden_widths_decide_the_parameters(signature_of):
    network = MLP(signature_of(784, Classes(tuple("0123456789"))), hidden=(300, 100))
    assert count_parameters(network) == (784 * 300 + 300) + (300 * 100 + 100) + (100 * 10 + 10)


def test_an_mlp_without_hidden_layers_is_a_perceptron(signature_of):
    signature = signature_of(7, THREE_CLASSES)
    assert count_parameters(MLP(signature, hidden=())) == count_parameters(Perceptron(signature))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_first_predictions_are_nearly_even(network, signature_of):
    signature = signature_of(784, Classes(tuple("0123456789")))
    probabilities = network(signature).eval()(torch.randn(256, 784)).softmax(1)
    assert (probabilities.mean(0) - 0.1).abs().max() < 0.05


def test_dropout_acts_in_training_only(signature_of):
    network = MLP(signature_of(7, THREE_CLASSES), dropout=0.9)
    features = torch.randn(16, 7)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


def test_an_mlp_learns_what_one_layer_cannot(signature_of):
    corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    is_different = torch.tensor([0.0, 1.0, 1.0, 0.0])
    signature = signature_of(2, Binary(("equal", "different")))

    def num_right(network):
        optimizer = torch.optim.AdamW(network.parameters(), lr=0.03)
        for _ in range(100):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(network(corners), is_different).backward()
            optimizer.step()
        network.eval()
        return int(((network(corners) > 0) == is_different.bool()).sum())

    assert num_right(MLP(signature, hidden=(32,), dropout=0.0)) == 4
    assert num_right(Perceptron(signature)) < 4


@settings(max_examples=25, deadline=None)
@given(
    num_features=st.integers(1, 40),
    hidden=st.lists(st.integers(1, 20), max_size=3).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    normalisation=st.sampled_from(["none", "batch", "layer"]),
    dropout=st.floats(0, 0.99),
    num_examples=st.integers(2, 9),
)
def test_any_allowed_options_give_finite_scores(
    num_features, hidden, activation, normalisation, dropout, num_examples
):
    signature = Signature(
        (TensorSpec("features", "vector", "float32", (num_features,)),),
        THREE_CLASSES,
        (TensorSpec("scores", "classes", "float32", (3,)),),
    )
    options = {"hidden": hidden, "activation": activation, "normalisation": normalisation, "dropout": dropout}
    scores = MLP(signature, **options)(torch.randn(num_examples, num_features))
    assert scores.shape == (num_examples, 3)
    assert scores.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("normalisation", "target"), [("batch", THREE_CLASSES), ("layer", Binary(("no", "yes")))]
)
def test_the_exported_network_gives_the_same_scores_at_any_batch_size(
    normalisation, signature_of, target, tmp_path
):
    evaluated = MLP(signature_of(7, target), normalisation=normalisation, dropout=0.5).eval()
    torch.onnx.export(
        evaluated,
        (torch.randn(2, 7),),
        tmp_path / "network.onnx",
        input_names=["features"],
        output_names=["scores"],
        dynamic_shapes=({0: "batch"},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_examples in (1, 2, 17):
        features = torch.randn(num_examples, 7)
        (scores,) = session.run(None, {"features": features.numpy()})
        torch.testing.assert_close(torch.from_numpy(scores), evaluated(features), rtol=1e-5, atol=1e-6)
