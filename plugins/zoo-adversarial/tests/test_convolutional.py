import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo_adversarial.convolutional import dcgan
from zoo_adversarial.pictures import kernels, pyramid


def maps(network, kind):
    return [layer.out_channels for layer in network.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("picture", "levels"),
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7), (4, 4)]),
        ((64, 64), [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]),
        ((20, 45), [(20, 45), (10, 23), (5, 12)]),
        ((33, 9), [(33, 9), (17, 5)]),
        ((8, 8), [(8, 8), (4, 4)]),
    ],
)
def test_sides_are_halved_and_rounded_up_while_four_pixels_remain(picture, levels):
    assert pyramid(*picture) == levels


@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_a_level_and_the_one_below_lead_to_each_other_without_cropping(height, width):
    # Dumoulin and Visin 2016 (arXiv:1603.07285), relationships 6 and 14, with padding 1 and stride 2.
    for side, kernel in zip((height, width), kernels((height, width)), strict=True):
        half = (side + 2 - kernel) // 2 + 1
        assert half == (side + 1) // 2
        assert 2 * (half - 1) + kernel - 2 == side


def test_at_64_pixels_the_maps_are_those_of_the_papers_figure(signature_of):
    # Figure 1: 1024, 512, 256 and 128 maps from 4 x 4 to 32 x 32, then three colours; all kernels one size.
    with torch.device("meta"):
        generator = dcgan(signature_of((3, 64, 64)), width=128)["generator"]
    layers = [m for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [layers[0].in_channels, *maps(generator, torch.nn.ConvTranspose2d)] == [1024, 512, 256, 128, 3]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    assert {layer.stride for layer in layers} == {(2, 2)}


def test_normalisation_is_left_out_where_the_paper_leaves_it_out(signature_of):
    # Section 3: not at the generator's output, nor at the discriminator's input.
    models = dcgan(signature_of((1, 32, 32)), width=8)
    norms = {
        name: [m.num_features for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for name, model in models.items()
    }
    assert norms == {"generator": [32, 16, 8], "discriminator": [16, 32]}


def test_weights_start_as_in_the_paper(signature_of):
    models = dcgan(signature_of((1, 32, 32)))
    for model in models.values():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d) and layer.weight.numel() > 5000:
                assert abs(layer.weight.mean()) < 1e-3
                assert abs(layer.weight.std() - 0.02) < 1e-3


def test_spectral_normalisation_keeps_every_largest_singular_value_at_one(signature_of):
    discriminator = dcgan(signature_of((1, 32, 32)), width=8, normalisation="spectral")["discriminator"]
    for _ in range(30):
        discriminator(torch.randn(2, 1, 32, 32))
    discriminator.eval()
    bounded = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(bounded) == 4
    for layer in bounded:
        largest = torch.linalg.svdvals(layer.weight.flatten(1))[0]
        assert abs(largest - 1) < 0.02


@pytest.mark.parametrize("normalisation", ["layer", "spectral", "none"])
def test_without_batch_normalisation_a_logit_does_not_depend_on_the_other_pictures(
    normalisation, signature_of
):
    discriminator = dcgan(signature_of((1, 16, 16)), normalisation=normalisation)["discriminator"].double()
    pictures = torch.randn(4, 1, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        discriminator.train(normalisation != "spectral")
        torch.testing.assert_close(discriminator(pictures[:1]), discriminator(pictures)[:1])


def test_dropout_acts_on_the_discriminator_in_training_only(signature_of):
    discriminator = dcgan(signature_of((1, 16, 16)), dropout=0.5, normalisation="none")["discriminator"]
    pictures = torch.randn(4, 1, 16, 16)
    assert not torch.equal(discriminator(pictures), discriminator(pictures))
    discriminator.eval()
    assert torch.equal(discriminator(pictures), discriminator(pictures))


def test_the_verdict_adds_the_labels_vector_times_the_features(signature_of):
    # arXiv:1802.05637, equation 3: the only place where the label acts.
    discriminator = dcgan(signature_of((1, 16, 16), num_labels=3))["discriminator"].eval()
    pictures, label = torch.randn(3, 1, 16, 16), torch.tensor([4, 2, 3])
    features = discriminator.layers(pictures)
    vectors = discriminator.verdict.condition.weight[[2, 0, 1]]
    plain = features @ discriminator.verdict.linear.weight[0] + discriminator.verdict.linear.bias
    torch.testing.assert_close(discriminator(pictures, label), plain + (vectors * features).sum(1))
