from itertools import pairwise

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import DataError, Sample, Signature, TensorSpec
from zoo_variational.pictures import kernels, pyramid
from zoo_variational.vae import VAE

KINDS = ["convolutional", "connected"]


def pictures_of(shape, num_examples=4):
    return torch.rand(num_examples, *shape) * 2 - 1


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 20, 45), (1, 33, 9), (3, 64, 64)], ids=str
)
@pytest.mark.parametrize("layers", KINDS)
def test_pictures_have_exactly_the_size_that_is_asked_for(layers, shape, signature_of):
    network = VAE(signature_of(shape), layers=layers)
    assert network(torch.randn(3, 4)).shape == (3, *shape)
    logits, mean, log_variance = network.reconstruct(pictures_of(shape))
    assert logits.shape == (4, *shape)
    assert mean.shape == log_variance.shape == (4, 4)


@settings(max_examples=20, deadline=None)
@given(channels=st.sampled_from([1, 3]), height=st.integers(8, 70), width=st.integers(8, 70))
def test_any_size_from_8_pixels_on_is_met(channels, height, width):
    target = Sample(channels, (height, width))
    latent = TensorSpec("latent", "latent", "float32", (2,))
    network = VAE(Signature((latent,), target, target.outputs), width=4)
    logits, *_ = network.reconstruct(pictures_of((channels, height, width), 2))
    assert logits.shape == (2, channels, height, width)
    assert network(torch.randn(2, 2)).shape == logits.shape


@given(height=st.integers(8, 300), width=st.integers(8, 300))
def test_levels_end_with_four_to_seven_pixels_and_lead_to_each_other(height, width):
    levels = pyramid(height, width)
    assert 4 <= min(levels[-1]) <= 8
    for larger, smaller in pairwise(levels):
        for side, half, kernel in zip(larger, smaller, kernels(larger), strict=True):
            assert half == (side + 2 - kernel) // 2 + 1
            assert side == 2 * (half - 1) + kernel - 2


@pytest.mark.parametrize("layers", KINDS)
def test_what_is_exported_is_the_decoder(layers, signature_of):
    network = VAE(signature_of((1, 12, 12)), layers=layers)
    latent = torch.randn(3, 4)
    # A logit's share of white, brought from [0, 1] to [-1, 1].
    torch.testing.assert_close(network(latent), 2 * network.decoder(latent).sigmoid() - 1)
    assert network(1e4 * latent).abs().max() <= 1


@pytest.mark.parametrize("layers", KINDS)
def test_gradients_reach_every_parameter(layers, signature_of):
    network = VAE(signature_of((3, 13, 16)), layers=layers)
    sum(each.square().sum() for each in network.reconstruct(pictures_of((3, 13, 16)))).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_draws_have_the_mean_and_the_deviation_that_the_encoder_says(signature_of):
    network = VAE(signature_of((1, 8, 8), latent_size=2), layers="connected", hidden=())
    network.decoder = torch.nn.Identity()
    with torch.no_grad():
        network.encoder[1].weight.zero_()
        network.encoder[1].bias.copy_(torch.tensor([1.0, -2.0, 0.0, 2 * torch.tensor(0.5).log()]))
    draws, mean, log_variance = network.reconstruct(torch.zeros(20_000, 1, 8, 8))
    torch.testing.assert_close(mean[0], torch.tensor([1.0, -2.0]))
    torch.testing.assert_close((log_variance[0] / 2).exp(), torch.tensor([1.0, 0.5]))
    # Three standard errors of a mean are 3 / sqrt(20,000) = 0.02; of a deviation, 0.015.
    torch.testing.assert_close(draws.mean(0), torch.tensor([1.0, -2.0]), rtol=0, atol=0.03)
    torch.testing.assert_close(draws.std(0), torch.tensor([1.0, 0.5]), rtol=0, atol=0.02)


def test_training_draws_anew_and_judging_takes_the_mean(signature_of):
    network = VAE(signature_of((1, 12, 12)))
    pictures = pictures_of((1, 12, 12))
    assert not torch.equal(network.reconstruct(pictures)[0], network.reconstruct(pictures)[0])
    network.eval()
    logits, mean, _ = network.reconstruct(pictures)
    assert torch.equal(logits, network.reconstruct(pictures)[0])
    torch.testing.assert_close(logits, network.decoder(mean))


def test_the_same_seed_draws_the_same_weights_and_the_same_reconstruction(signature_of):
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        network = VAE(signature_of((1, 12, 12)))
        drawn.append(network.reconstruct(torch.zeros(2, 1, 12, 12))[0])
    assert torch.equal(*drawn)


def test_connected_layers_are_mirrored(signature_of):
    network = VAE(signature_of((1, 8, 8)), layers="connected", hidden=(32, 16))
    widths = [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [(64, 32), (32, 16), (16, 8), (4, 16), (16, 32), (32, 64)]


def test_pictures_that_are_too_small_are_refused_with_the_size_that_will_do(signature_of):
    with pytest.raises(DataError) as refusal:
        VAE(signature_of((1, 7, 20)))
    assert "vae generates pictures of at least 8 x 8 pixels, not 7 x 20" in str(refusal.value)
    assert refusal.value.fix == "enlarge them with data.size=8"


@pytest.mark.slow
@pytest.mark.parametrize("layers", KINDS)
def test_the_exported_decoder_draws_the_same_pictures_at_any_batch_size(layers, signature_of, tmp_path):
    network = VAE(signature_of((3, 13, 16)), layers=layers).eval()
    torch.onnx.export(
        network,
        (torch.randn(2, 4),),
        tmp_path / "network.onnx",
        input_names=["latent"],
        output_names=["picture"],
        dynamic_shapes=({0: "batch"},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_examples in (1, 2, 7):
        latent = torch.randn(num_examples, 4)
        (pictures,) = session.run(None, {"latent": latent.numpy()})
        torch.testing.assert_close(torch.from_numpy(pictures), network(latent), rtol=1e-4, atol=1e-5)
