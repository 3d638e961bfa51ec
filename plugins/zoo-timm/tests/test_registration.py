import subprocess
import sys

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg

import zoo_timm
from zoo_timm import networks


def entries():
    return {entry.name: entry for entry in zoo_timm.zoo_register() if entry.kind == "architecture"}


def test_registration_imports_neither_torch_nor_timm():
    code = (
        "import sys, zoo_timm; zoo_timm.zoo_register(); "
        "print([name for name in sys.modules if name in ('torch', 'timm', 'numpy')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_network_of_timm_is_offered():
    assert set(entries()) == set(timm.list_models())


@pytest.mark.parametrize("name", ["resnet18", "test_vit", "efficientnet_b0", "levit_128s", "nfnet_l0"])
def test_facts_are_those_of_the_library(name, signature_of):
    entry, config = entries()[name], get_pretrained_cfg(name)
    assert entry.image_size == config.input_size[1]
    assert (entry.image_mean, entry.image_std) == (config.mean, config.std)
    with torch.device("meta"):
        network = timm.create_model(name, num_classes=1000)
        getattr(networks, name)(signature_of(entry.min_image_size))
    assert entry.num_parameters == sum(parameter.numel() for parameter in network.parameters())


def test_an_encoder_that_gives_no_scores_is_offered_by_name_alone():
    name = "qwen3_vit_88m_enc"
    with torch.device("meta"):
        features = timm.create_model(name).eval()(torch.empty(2, 3, 768, 768))
    shape = list(features.shape[1:])
    assert len(shape) == 2
    assert entries()[name].unsupported == (
        f"it emits features of shape {shape} for each picture, not one score for each class"
    )
    assert not entries()["qwen3_vit_88m"].unsupported


def test_conformance_is_passed_or_failed_with_the_cause():
    for entry in entries().values():
        assert entry.conformance in ("", "passed") or entry.conformance.startswith("failed: "), entry.name
