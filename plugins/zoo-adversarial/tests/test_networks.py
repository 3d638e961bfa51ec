"""What both architectures have in common."""

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import DataError, Sample, Signature, TensorSpec
from zoo_adversarial.connected import gan
from zoo_adversarial.convolutional import dcgan

NETWORKS = [gan, dcgan]
NUM_LABELS = 3


def inputs_for(num_examples, num_labels):
    latent = torch.randn(num_examples, 16)
    return (latent, torch.arange(num_examples) % num_labels + 2) if num_labels else (latent,)


@pytest.mark.parametrize("num_labels", [0, NUM_LABELS], ids=["plain", "conditional"])
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 20, 45), (1, 33, 9), (3, 64, 64)], ids=str
)
@pytest.mark.parametrize("network", NETWORKS)
def test_pictures_have_exactly_the_size_that_is_asked_for(network, shape, num_labels, signature_of):
    models = network(signature_of(shape, num_labels=num_labels))
    latent, *label = inputs_for(4, num_labels)
    pictures = models["generator"](latent, *label)
    assert pictures.shape == (4, *shape)
    assert models["discriminator"](pictures, *label).shape == (4,)


@settings(max_examples=20, deadline=None)
@given(
    network=st.sampled_from(NETWORKS),
    channels=st.sampled_from([1, 3]),
    height=st.integers(8, 70),
    width=st.integers(8, 70),
)
def test_any_size_from_8_pixels_on_is_met(network, channels, height, width):
    target = Sample(channels, (height, width))
    latent = TensorSpec("latent", "latent", "float32", (4,))
    options = {"width": 4} if network is dcgan else {"hidden": (8,)}
    models = network(Signature((latent,), target, target.outputs), **options)
    pictures = models["generator"](torch.randn(2, 4))
    assert pictures.shape == (2, channels, height, width)
    assert models["discriminator"](pictures).isfinite().all()


@pytest.mark.parametrize("network", NETWORKS)
def test_pictures_lie_between_minus_one_and_one_however_far_the_latent_vector(network, signature_of):
    generator = network(signature_of((1, 12, 12)))["generator"].eval()
    pictures = generator(1e4 * torch.randn(8, 16))
    assert pictures.abs().max() <= 1
    assert pictures.std() > 0.1


@pytest.mark.parametrize("network", NETWORKS)
def test_a_generator_draws_another_picture_for_another_label(network, signature_of):
    generator = network(signature_of((1, 12, 12), num_labels=NUM_LABELS))["generator"].eval()
    latent = torch.randn(1, 16).expand(NUM_LABELS, 16)
    pictures = generator(latent, torch.arange(NUM_LABELS) + 2)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[first] - pictures[second]).abs().max() > 1e-3


@pytest.mark.parametrize("network", NETWORKS)
def test_at_first_the_latent_vector_says_far_more_than_the_label(network, signature_of):
    generator = network(signature_of((1, 12, 12), num_labels=8))["generator"].double().eval()
    latent, label = torch.randn(8, 16, dtype=torch.float64), torch.arange(8) + 2
    of_latent = generator(latent, label[:1].expand(8)).std(0).mean()
    of_label = generator(latent[:1].expand(8, 16), label).std(0).mean()
    assert 0 < 4 * of_label < of_latent


@pytest.mark.parametrize("network", NETWORKS)
def test_a_discriminator_answers_otherwise_for_another_label(network, signature_of):
    discriminator = network(signature_of((1, 12, 12), num_labels=NUM_LABELS))["discriminator"].eval()
    pictures = torch.randn(1, 1, 12, 12).expand(NUM_LABELS, -1, -1, -1)
    logits = discriminator(pictures, torch.arange(NUM_LABELS) + 2)
    assert len(set(logits.tolist())) == NUM_LABELS


@pytest.mark.parametrize("network", NETWORKS)
def test_a_missing_and_an_unknown_label_give_the_same_finite_picture(network, signature_of):
    generator = network(signature_of((1, 12, 12), num_labels=NUM_LABELS))["generator"].eval()
    missing, unknown, known = generator(torch.randn(1, 16).expand(3, 16), torch.tensor([0, 1, 2]))
    assert missing.isfinite().all()
    assert torch.equal(missing, unknown)
    assert not torch.equal(missing, known)


@pytest.mark.parametrize("num_labels", [0, NUM_LABELS], ids=["plain", "conditional"])
@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_reach_every_parameter_of_both_players(network, num_labels, signature_of):
    models = network(signature_of((3, 13, 16), num_labels=num_labels))
    latent, *label = inputs_for(12, num_labels)
    models["discriminator"](models["generator"](latent, *label), *label).square().sum().backward()
    for name, model in models.items():
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, (name, key)
            assert parameter.grad.abs().max() > 0, (name, key)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_picture_is_the_same_alone_and_in_a_batch(network, signature_of):
    generator = network(signature_of((1, 12, 12), num_labels=NUM_LABELS))["generator"].double()
    latent, label = torch.randn(6, 16, dtype=torch.float64), torch.arange(6) % NUM_LABELS + 2
    generator(latent, label)
    generator.eval()
    together, alone = generator(latent, label), generator(latent[:1], label[:1])
    torch.testing.assert_close(alone, together[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_draws_the_same_weights(network, signature_of):
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(network(signature_of((1, 16, 16), num_labels=NUM_LABELS)))
    for name, model in drawn[0].items():
        other = drawn[1][name].state_dict()
        assert all(torch.equal(value, other[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(("network", "name"), [(gan, "gan"), (dcgan, "dcgan")])
def test_pictures_that_are_too_small_are_refused_with_the_size_that_will_do(network, name, signature_of):
    with pytest.raises(DataError) as refusal:
        network(signature_of((1, 7, 20)))
    assert f"{name} generates pictures of at least 8 x 8 pixels, not 7 x 20" in str(refusal.value)
    assert refusal.value.fix == "enlarge them with data.size=8"


# With several inputs torch says that their batch axes are one.
@pytest.mark.filterwarnings("ignore:# The axis name")
@pytest.mark.slow
@pytest.mark.parametrize("num_labels", [0, NUM_LABELS], ids=["plain", "conditional"])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_exported_generator_draws_the_same_pictures_at_any_batch_size(
    network, num_labels, signature_of, tmp_path
):
    generator = network(signature_of((3, 13, 16), num_labels=num_labels))["generator"]
    generator(*inputs_for(16, num_labels or 1)[: 2 if num_labels else 1])
    generator.eval()
    examples = inputs_for(2, num_labels)
    names = ["latent", "label"][: len(examples)]
    torch.onnx.export(
        Positional(generator).eval(),
        examples,
        tmp_path / "network.onnx",
        input_names=names,
        output_names=["picture"],
        dynamic_shapes=(tuple({0: "batch"} for _ in examples),),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_examples in (1, 2, 7):
        inputs = inputs_for(num_examples, num_labels)
        (pictures,) = session.run(
            None, {name: each.numpy() for name, each in zip(names, inputs, strict=True)}
        )
        torch.testing.assert_close(torch.from_numpy(pictures), generator(*inputs), rtol=1e-4, atol=1e-5)


class Positional(torch.nn.Module):
    """Takes its inputs by position, as an export does."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *inputs):
        return self.network(*inputs)
