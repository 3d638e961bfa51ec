import subprocess
import sys

import pytest
import torch
import torchvision

import zoo_torchvision
from zoo_torchvision import networks

CLASSIFIERS = set(torchvision.models.list_models(module=torchvision.models))


def entries():
    return {entry.name: entry for entry in zoo_torchvision.zoo_register()}


def test_registration_imports_neither_torch_nor_torchvision():
    code = (
        "import sys, zoo_torchvision; zoo_torchvision.zoo_register(); "
        "print([name for name in sys.modules if name in ('torch', 'torchvision', 'numpy')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_network_of_torchvision_is_offered():
    assert set(entries()) >= set(torchvision.models.list_models())


def test_every_classifier_can_be_used():
    assert {name for name in CLASSIFIERS if entries()[name].unsupported} == set()


@pytest.mark.parametrize("name", ["quantized_resnet18", "raft_small"])
def test_what_cannot_be_used_says_why(name):
    assert entries()[name].unsupported.startswith("it ")


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_v2_l", "vit_b_16", "mobilenet_v2"])
def test_facts_are_those_of_the_library(name, signature_of):
    entry, weights = entries()[name], torchvision.models.get_model_weights(name).DEFAULT
    preset = weights.transforms()
    assert [entry.image_size] == preset.crop_size
    assert (list(entry.image_mean), list(entry.image_std)) == (preset.mean, preset.std)
    with torch.device("meta"):
        getattr(networks, name)(signature_of(entry.min_image_size))
    if name != "vit_b_16":
        assert entry.num_parameters == weights.meta["num_params"]
