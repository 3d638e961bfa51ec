import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision

import zoo_torchvision
from zoo.exporting.network import export_network
from zoo.plugin import Classes, DataError, Signature, TensorSpec, UsageError, Values
from zoo.preprocessing.graphs import open_session
from zoo_torchvision import video, video_networks
from zoo_torchvision.weights import weights_of

NAMES = torchvision.models.list_models(module=torchvision.models.video)
FIXED = {"mvit_v1_b", "mvit_v2_s"}
ENTRIES = {entry.name: entry for entry in video.entries()}


def signature_of(*shape, target=None):
    target = target or Classes(("a", "b", "c"))
    return Signature((TensorSpec("clip", "video", "float32", shape),), target, target.outputs)


def build(name, *shape, **options):
    return getattr(video_networks, name)(signature_of(*shape), **options)


def test_every_network_for_clips_of_the_library_is_offered_without_importing_it():
    assert sorted(ENTRIES) == sorted(NAMES)
    code = "import sys, zoo_torchvision; zoo_torchvision.zoo_register(); print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
    assert set(ENTRIES) <= {entry.name for entry in zoo_torchvision.zoo_register()}


def test_the_facts_are_those_of_the_installed_library():
    facts = json.loads(video.FACTS.read_text())["architectures"]
    for name in NAMES:
        assert video_networks.facts_of(name).items() <= facts[name].items()
        assert facts[name]["parameters"] == weights_of(name).meta["num_params"], name


@pytest.mark.parametrize(
    ("name", "size", "num_frames"),
    [("r3d_18", 112, 16), ("s3d", 224, 32), ("mvit_v2_s", 224, 16), ("swin3d_t", 224, 32)],
)
def test_clips_get_the_length_and_size_that_the_weights_were_trained_with(name, size, num_frames):
    assert (ENTRIES[name].image_size, ENTRIES[name].num_frames) == (size, num_frames)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_built_for_the_clips_that_its_entry_asks_for(name):
    entry = ENTRIES[name]
    with torch.device("meta"):
        shape = (3, entry.num_frames, entry.image_size, entry.image_size)
        network = build(name, *shape)
        assert network(torch.empty(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"s3d"} - FIXED))
def test_networks_without_a_fixed_size_take_small_clips(name):
    with torch.device("meta"):
        assert build(name, 3, 4, 24, 30)(torch.empty(2, 3, 4, 24, 30)).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("s3d", "data.frames=32 data.size=224"),
        ("mvit_v1_b", "data.frames=16 data.size=224"),
        ("mvit_v2_s", "data.frames=16 data.size=224"),
    ],
)
def test_a_network_of_a_fixed_size_says_what_it_needs(name, fix):
    with pytest.raises(DataError, match=f"{name} cannot take clips of 8 frames of 32 x 48 pixels") as caught:
        build(name, 3, 8, 32, 48)
    assert caught.value.fix.endswith(fix)


def test_grey_clips_are_taken_and_the_draw_is_that_of_the_seed():
    torch.manual_seed(0)
    first = build("mc3_18", 1, 4, 16, 16).state_dict()
    torch.manual_seed(0)
    second = build("mc3_18", 1, 4, 16, 16).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert first["network.stem.0.weight"].shape[1] == 1


def test_several_values_are_answered():
    with torch.device("meta"):
        network = video_networks.r3d_18(signature_of(3, 4, 16, 16, target=Values(("x", "y"))))
        assert network(torch.empty(2, 3, 4, 16, 16)).shape == (2, 2)


def test_weights_that_there_are_not_are_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match="there are no weights 'V9' of r3d_18") as caught:
        build("r3d_18", 3, 4, 16, 16, pretrained=True, tag="V9")
    assert "KINETICS400_V1" in caught.value.fix
    with pytest.raises(UsageError, match="names weights that are not asked for"):
        build("r3d_18", 3, 4, 16, 16, tag="KINETICS400_V1")


def test_weights_of_the_library_fill_all_but_the_last_layer(monkeypatch):
    torch.manual_seed(1)
    whole = torchvision.models.video.mc3_18(num_classes=400)
    # What the library would download.
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda url, **options: whole.state_dict()
    )
    loaded = build("mc3_18", 1, 4, 16, 16, pretrained=True).network.state_dict()
    expected = whole.state_dict()
    same = {key for key in expected if loaded[key].shape == expected[key].shape}
    assert set(expected) - same == {"fc.weight", "fc.bias", "stem.0.weight"}
    assert all(torch.equal(loaded[key], expected[key]) for key in same)
    np.testing.assert_allclose(loaded["stem.0.weight"], expected["stem.0.weight"].sum(1, keepdim=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mc3_18", "r2plus1d_18"])
def test_the_exported_network_gives_the_same_scores_at_any_batch_size(name):
    signature = signature_of(3, 4, 16, 16)
    torch.manual_seed(0)
    network = getattr(video_networks, name)(signature).eval()
    session = open_session(export_network(network, signature))
    for size in (1, 2, 5):
        clips = torch.randn(size, 3, 4, 16, 16)
        with torch.no_grad():
            expected = network(clips).numpy()
        (given,) = session.run(None, {"clip": clips.numpy()})
        np.testing.assert_allclose(given, expected, atol=1e-5)
