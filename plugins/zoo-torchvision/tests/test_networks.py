import warnings

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import zoo
import zoo_torchvision
from zoo.plugin import Binary, Classes, DataError, Labels, Restandardise, Several, UsageError, Values
from zoo_torchvision import networks
from zoo_torchvision.weights import weights_of

THREE = Classes(("cat", "dog", "owl"))
TARGETS = [THREE, Binary(("no", "yes")), Labels(("red", "big")), Values(("height",))]
SMALL = "squeezenet1_1"


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
def test_scores_have_the_shape_that_the_target_asks_for(target, signature_of):
    network = networks.squeezenet1_1(signature_of(target=target))
    assert network(torch.randn(3, 3, 32, 32)).shape == (3, *target.scores_shape)


def test_several_targets_get_a_tuple_of_scores(signature_of):
    target = Several((Classes(("a", "b", "c"), name="kind"), Values(("price",))))
    network = networks.squeezenet1_1(signature_of(target=target))
    assert [part.shape for part in network(torch.randn(2, 3, 32, 32))] == [(2, 3), (2, 1)]


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", [SMALL, "shufflenet_v2_x0_5"])
def test_pictures_may_have_other_than_three_channels(name, channels, signature_of):
    network = getattr(networks, name)(signature_of(channels=channels))
    assert network(torch.randn(2, channels, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_further_classifiers_half_way_are_left_out_without_a_warning(name, signature_of):
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("error")
        network = getattr(networks, name)(signature_of(96))
        assert network.train()(torch.empty(2, 3, 96, 96)).shape == (2, 3)


def test_a_transformer_is_built_for_the_size_of_the_pictures(signature_of):
    with torch.device("meta"):
        assert networks.vit_b_16(signature_of(48)).network.image_size == 48
        assert networks.maxvit_t(signature_of(224))(torch.empty(1, 3, 224, 224)).shape == (1, 3)


@pytest.mark.parametrize(("name", "side"), [("vit_b_16", 40), ("alexnet", 28), ("inception_v3", 32)])
def test_pictures_that_a_network_cannot_take_are_refused_with_a_size_that_will_do(name, side, signature_of):
    with torch.device("meta"), pytest.raises(DataError) as refusal:
        getattr(networks, name)(signature_of(side))
    assert f"{name} cannot take pictures of {side} x {side} pixels and 3 channels: " in refusal.value.message
    entry = next(each for each in zoo_torchvision.zoo_register() if each.name == name)
    assert refusal.value.fix.endswith(f"data.size={entry.image_size}")


def test_a_name_that_torchvision_has_not_is_no_attribute():
    with pytest.raises(AttributeError, match="has no classifier 'resnet18000'"):
        _ = networks.resnet18000


class TestWeights:
    def test_a_tag_without_pretrained_is_refused(self, signature_of):
        with pytest.raises(UsageError) as refusal:
            networks.squeezenet1_1(signature_of(), tag="IMAGENET1K_V1")
        assert refusal.value.fix == "add pretrained=true"

    def test_a_tag_that_does_not_exist_is_told_those_that_do(self, signature_of):
        with pytest.raises(UsageError) as refusal:
            networks.resnet50(signature_of(), pretrained=True, tag="IMAGENET1K_V9")
        assert "there are no weights 'IMAGENET1K_V9' of resnet50" in str(refusal.value)
        assert refusal.value.fix.endswith("IMAGENET1K_V1, IMAGENET1K_V2")

    def test_weights_of_features_alone_are_none(self):
        with pytest.raises(UsageError, match="IMAGENET1K_FEATURES"):
            weights_of("vgg16", "IMAGENET1K_FEATURES")

    def test_weights_that_cannot_be_downloaded_are_named_with_the_way_out(self, signature_of, downloads):
        with pytest.raises(UsageError) as refusal:
            networks.squeezenet1_1(signature_of(), pretrained=True)
        assert (
            "the weights IMAGENET1K_V1 of squeezenet1_1 cannot be loaded from file://"
            in refusal.value.message
        )
        assert "leave out pretrained=true" in refusal.value.fix

    @pytest.mark.parametrize("channels", [1, 3])
    def test_downloaded_weights_are_loaded_all_but_the_last_layer(self, channels, signature_of, downloads):
        given = torchvision.models.squeezenet1_1().state_dict()
        torch.save(given, downloads)
        loaded = networks.squeezenet1_1(signature_of(channels=channels), pretrained=True).network.state_dict()
        differing = [name for name in given if not torch.equal(given[name], loaded[name])]
        first = ["features.0.weight"] if channels == 1 else []
        assert differing == [*first, "classifier.1.weight", "classifier.1.bias"]
        if channels == 1:
            torch.testing.assert_close(
                loaded["features.0.weight"], given["features.0.weight"].sum(1, keepdim=True)
            )


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """Where the small network's weights are downloaded from: a file that is not there yet."""
    weights = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    source = tmp_path / "source.pth"
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(weights.value, "url", source.as_uri())
    return source


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_standardised_anew_for_weights_with_other_constants(channels):
    usual, halves = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.1)), ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    grey = torch.rand(2, channels, 4, 4)
    mean, std = (torch.tensor(each)[:, None, None] for each in usual)
    if channels == 1:
        mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
    torch.testing.assert_close(
        Restandardise(channels, usual, halves)((grey - mean) / std), (grey - 0.5) / 0.5
    )


@pytest.mark.slow
def test_it_is_trained_and_its_export_proven(tmp_path):
    for place, label in enumerate(("dark", "light")):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(24):
            pixels = np.random.default_rng(number).integers(0, 90, (32, 32, 3)) + 140 * place
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "pictures" / label / f"{number}.png")
    run = zoo.train(
        "torchvision/mobilenet_v3_small",
        data=tmp_path / "pictures",
        run=tmp_path / "run",
        epochs=1,
        device="cpu",
    )
    assert zoo.export(run).path.exists()
