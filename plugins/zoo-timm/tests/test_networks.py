import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.layers import CondConv2d
from timm.models import get_pretrained_cfg

import zoo
from zoo.plugin import Binary, Classes, DataError, Labels, Restandardise, Several, UsageError, Values
from zoo_timm import networks
from zoo_timm.layers import MixedConv2d, make_exportable

THREE = Classes(("cat", "dog", "owl"))
TARGETS = [THREE, Binary(("no", "yes")), Labels(("red", "big")), Values(("height",))]
TINY = ["test_resnet", "test_vit", "test_efficientnet"]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
def test_scores_have_the_shape_that_the_target_asks_for(name, target, signature_of):
    network = getattr(networks, name)(signature_of(target=target))
    assert network(torch.randn(3, 3, 32, 32)).shape == (3, *target.scores_shape)


def test_several_targets_get_a_tuple_of_scores(signature_of):
    target = Several((Classes(("a", "b", "c"), name="kind"), Values(("price",))))
    network = networks.test_resnet(signature_of(target=target))
    assert [part.shape for part in network(torch.randn(2, 3, 32, 32))] == [(2, 3), (2, 1)]


@pytest.mark.parametrize("name", TINY)
def test_gradients_reach_every_parameter(name, signature_of):
    network = getattr(networks, name)(signature_of(64))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_()  # a head of noughts would pass nothing on
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert [path for path, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_may_have_other_than_three_channels(channels, signature_of):
    network = networks.test_resnet(signature_of(channels=channels))
    assert network(torch.randn(2, channels, 32, 32)).shape == (2, 3)


def test_a_network_for_one_size_is_built_for_the_size_of_the_pictures(signature_of):
    assert get_pretrained_cfg("test_vit").fixed_input_size
    network = networks.test_vit(signature_of(48))
    assert network.network.patch_embed.img_size == (48, 48)


def test_pictures_that_are_no_whole_number_of_patches_are_refused_with_a_size_that_will_do(signature_of):
    with pytest.raises(DataError) as refusal:
        networks.test_vit(signature_of(40))
    assert "test_vit cannot take pictures of 40 x 40 pixels" in refusal.value.message
    assert "no whole number of patches of 16 pixels" in refusal.value.message
    assert refusal.value.fix.endswith("data.size=160")


def test_pictures_that_a_network_cannot_take_are_refused_with_its_own_words(signature_of):
    with pytest.raises(
        DataError, match="inception_v4 cannot take pictures of 28 x 28 pixels and 3 channels: "
    ):
        networks.inception_v4(signature_of(28))


def test_an_option_is_handed_on_and_an_unknown_one_told(signature_of):
    assert networks.test_resnet(signature_of(), drop_rate=0.25).network.drop_rate == 0.25
    with pytest.raises(UsageError, match="vgg11 has no option 'drop_path_rate'"):
        networks.vgg11(signature_of(64), drop_path_rate=0.1)


def test_a_name_that_timm_has_not_is_no_attribute():
    with pytest.raises(AttributeError, match="has no network 'resnet18000'"):
        _ = networks.resnet18000


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of downloads, and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def download(hub):
    """Puts weights of test_resnet where the library keeps what it fetched."""
    given = timm.create_model("test_resnet").state_dict()
    folder = hub / "models--timm--test_resnet.r160_in1k"
    (folder / "snapshots" / "0").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0")
    save_file(given, folder / "snapshots" / "0" / "model.safetensors")
    return given


def pictures(folder):
    """48 pictures of noise, dark and light."""
    for place, label in enumerate(("dark", "light")):
        (folder / label).mkdir(parents=True)
        for number in range(24):
            pixels = np.random.default_rng(number).integers(0, 90, (32, 32, 3)) + 140 * place
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


class TestWeights:
    def test_a_tag_without_pretrained_is_refused(self, signature_of):
        with pytest.raises(UsageError) as refusal:
            networks.test_resnet(signature_of(), tag="r160_in1k")
        assert refusal.value.fix == "add pretrained=true"

    def test_a_tag_that_does_not_exist_is_told_those_that_do(self, signature_of):
        with pytest.raises(UsageError) as refusal:
            networks.resnet18(signature_of(), pretrained=True, tag="a9_in1k")
        assert "there are no weights 'a9_in1k' of resnet18" in str(refusal.value)
        assert "a1_in1k, a2_in1k, a3_in1k" in refusal.value.fix

    def test_a_network_without_weights_says_so(self, signature_of):
        with pytest.raises(UsageError) as refusal:
            networks.coatnet_0_224(signature_of(224), pretrained=True)
        assert refusal.value.message == "there are no weights of coatnet_0_224"
        assert "leave out pretrained=true" in refusal.value.fix

    def test_weights_that_cannot_be_downloaded_are_named_with_the_way_out(self, signature_of, hub):
        with pytest.raises(UsageError) as refusal:
            networks.test_resnet(signature_of(), pretrained=True)
        assert "the weights 'r160_in1k' of test_resnet cannot be loaded" in refusal.value.message
        assert "leave out pretrained=true" in refusal.value.fix

    @pytest.mark.parametrize("channels", [1, 3])
    def test_downloaded_weights_are_loaded_all_but_the_last_layer(self, channels, signature_of, hub):
        given = download(hub)
        network = networks.test_resnet(signature_of(channels=channels), pretrained=True).network
        loaded = network.state_dict()
        differing = [name for name in given if not torch.equal(given[name], loaded[name])]
        first = ["conv1.0.weight"] if channels == 1 else []
        assert differing == [*first, "fc.weight", "fc.bias"]
        if channels == 1:
            torch.testing.assert_close(loaded["conv1.0.weight"], given["conv1.0.weight"].sum(1, keepdim=True))

    @pytest.mark.slow
    def test_a_run_goes_on_and_is_exported_where_the_downloaded_weights_are_no_more(self, hub, tmp_path):
        download(hub)
        data = pictures(tmp_path / "pictures")
        run = zoo.train(
            {"name": "timm/test_resnet", "pretrained": True},
            data=data,
            run=tmp_path / "run",
            epochs=1,
            device="cpu",
        )
        shutil.rmtree(hub / "models--timm--test_resnet.r160_in1k")
        with pytest.raises(UsageError, match="the weights 'r160_in1k' of test_resnet cannot be loaded"):
            zoo.train({"name": "timm/test_resnet", "pretrained": True}, data=data, run=tmp_path / "anew")
        zoo.resume(run, epochs=2)
        assert zoo.export(run).certificate


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_standardised_anew_for_weights_with_other_constants(channels, signature_of):
    halves, usual = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), ((0.4, 0.5, 0.6), (0.2, 0.3, 0.1))
    restandardise = Restandardise(channels, halves, usual)
    grey = torch.rand(2, channels, 4, 4)
    mean, std = (torch.tensor(each)[:, None, None] for each in usual)
    if channels == 1:
        mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
    torch.testing.assert_close(restandardise((grey - 0.5) / 0.25), (grey - mean) / std)
    assert restandardise.state_dict() == {}


@pytest.mark.parametrize(("tag", "is_restandardised"), [("ra2_in1k", False), ("ra4_e3600_r224_in1k", True)])
def test_only_other_constants_than_the_usual_ones_are_converted(tag, is_restandardised, signature_of):
    config = get_pretrained_cfg(f"resnet18d.{tag}")
    converted = networks._restandardise("resnet18d", signature_of(), config)
    assert (converted is not None) == is_restandardised


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_vit_relpos", "test_efficientnet"])
def test_it_is_trained_and_its_export_proven(name, tmp_path):
    data = pictures(tmp_path / "pictures")
    run = zoo.train(f"timm/{name}", data=data, run=tmp_path / "run", epochs=1, device="cpu")
    exported = zoo.export(run)
    assert exported.certificate
    assert exported.path.exists()


@pytest.mark.parametrize("padding", ["", "same"])
@pytest.mark.parametrize("groups", [1, 4], ids=["dense", "depthwise"])
def test_mixed_convolutions_are_exported_for_any_batch_with_timms_own_answers(padding, groups):
    layer = CondConv2d(4, 8, 3, stride=2, padding=padding, groups=groups, bias=True, num_experts=3).eval()
    x, shares = torch.randn(5, 4, 9, 9), torch.rand(5, 3)
    expected = layer(x, shares)
    make_exportable(layer)
    assert torch.equal(layer(x, shares), expected)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(layer, (x[:2], shares[:2]), dynamic_shapes=({0: batch}, {0: batch}))
    torch.testing.assert_close(exported.module()(x, shares), expected, rtol=1e-5, atol=1e-5)


def test_a_network_of_mixed_convolutions_has_those_that_export(signature_of):
    network = networks.efficientnet_cc_b0_4e(signature_of(64))
    mixed = [module for module in network.modules() if isinstance(module, CondConv2d)]
    assert mixed
    assert all(type(module) is MixedConv2d for module in mixed)
