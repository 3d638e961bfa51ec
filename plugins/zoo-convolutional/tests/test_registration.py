import importlib
import subprocess
import sys

import zoo_convolutional
from zoo.plugin import Boxes


def test_registration_imports_neither_torch_nor_the_networks():
    code = (
        "import sys, zoo_convolutional; zoo_convolutional.zoo_register(); "
        "print([name for name in sys.modules if name in "
        "('torch', 'numpy') or name.startswith('zoo_convolutional.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in zoo_convolutional.zoo_register():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def entries_of(kind):
    return {entry.name: entry for entry in zoo_convolutional.zoo_register() if entry.kind == kind}


def test_networks_answer_a_question_a_picture_or_clip_one_finds_objects_and_one_labels_pixels():
    networks = entries_of("architecture")
    assert set(networks) == {"lenet", "convnet", "convnet3d", "resnet", "detector", "unet"}
    others = {"detector": ("boxes",), "unet": ("mask",)}
    for name, entry in networks.items():
        assert entry.accepts == (("video",) if name == "convnet3d" else ("image",))
        assert entry.predicts == others.get(name, ("classes", "binary", "labels", "values", "several"))


def test_the_detector_brings_its_objective_and_the_loss_that_boxes_ask_for():
    assert entries_of("architecture")["detector"].objective in entries_of("objective")
    loss = entries_of("loss")[Boxes.default_loss]
    assert loss.fits == (Boxes.kind,)
    assert loss.expects == Boxes.emits


def test_pictures_of_varying_size_get_the_size_that_each_network_is_for():
    sizes = {name: entry.image_size for name, entry in entries_of("architecture").items()}
    assert sizes == {
        "lenet": 32,
        "convnet": 64,
        "convnet3d": 112,
        "resnet": 224,
        "detector": 320,
        "unet": 256,
    }
