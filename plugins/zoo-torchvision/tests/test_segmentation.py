"""torchvision's networks that label pixels: all of them, by one factory."""

import json
import subprocess
import sys

import pytest
import torch
import torchvision
from torchvision.models import segmentation as models

from zoo.plugin import Mask, Signature, TensorSpec, UsageError
from zoo_torchvision import segmenters
from zoo_torchvision.segmentation import FACTS, entries

NAMES = torchvision.models.list_models(module=models)
SMALL = "lraspp_mobilenet_v3_large"


def signature(channels=3, side=64, labels=("ground", "road", "tree")):
    target = Mask(labels)
    picture = TensorSpec("picture", "image", "float32", (channels, side, side))
    return Signature((picture,), target, target.outputs)


def test_every_one_is_offered_and_registering_imports_neither_torch_nor_torchvision():
    assert [entry.name for entry in entries()] == NAMES
    code = "import sys, zoo_torchvision as z; z.zoo_register(); print({'torch', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_facts_are_those_of_the_library():
    for name, fact in json.loads(FACTS.read_text()).items():
        preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        assert [fact["image_size"]] == preset.resize_size
        assert (fact["mean"], fact["std"]) == (preset.mean, preset.std)


@pytest.mark.parametrize("channels", [1, 3])
def test_scores_are_as_large_as_the_picture(channels):
    network = getattr(segmenters, SMALL)(signature(channels, 50)).eval()
    assert network(torch.randn(2, channels, 50, 50)).shape == (2, 3, 50, 50)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_learns_from_a_single_picture_and_its_gradients_reach_every_parameter(name):
    torch.manual_seed(0)
    network = getattr(segmenters, name)(signature())
    scores = network(torch.randn(1, 3, 64, 64))
    scores.square().mean().backward()
    assert scores.shape == (1, 3, 64, 64)
    assert [name for name, each in network.named_parameters() if each.grad is None] == []


def test_a_single_picture_is_normalised_by_what_was_seen_before_and_several_as_ever():
    norm = segmenters.PooledNorm(4)
    maps = torch.randn(3, 4, 1, 1)
    expected = torch.nn.BatchNorm2d(4)(maps)
    torch.testing.assert_close(norm(maps), expected)
    torch.testing.assert_close(norm(maps[:1]), norm.eval()(maps[:1]))


def test_weights_that_cannot_be_fetched_are_refused_with_their_address(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=rf"of {SMALL} cannot be loaded from https://") as refusal:
        getattr(segmenters, SMALL)(signature(), pretrained=True)
    assert "leave out pretrained=true" in refusal.value.fix


def test_another_name_is_none_of_the_module():
    with pytest.raises(AttributeError, match="has no segmentation network 'resnet18'"):
        segmenters.resnet18  # noqa: B018
