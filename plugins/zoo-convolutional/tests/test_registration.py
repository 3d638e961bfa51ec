import importlib
import subprocess
import sys

import zoo_convolutional


def test_registration_imports_neither_torch_nor_the_networks():
    code = (
        "import sys, zoo_convolutional; zoo_convolutional.zoo_register(); "
        "print([name for name in sys.modules if name in "
        "('torch', 'numpy', 'zoo_convolutional.lenet', 'zoo_convolutional.convnet', 'zoo_convolutional.resnet')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in zoo_convolutional.zoo_register():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_networks_are_three_for_pictures():
    entries = {entry.name: entry for entry in zoo_convolutional.zoo_register()}
    assert set(entries) == {"lenet", "convnet", "resnet"}
    for entry in entries.values():
        assert entry.accepts == ("image",)
        assert entry.predicts == ("classes", "binary", "labels", "values")


def test_pictures_of_varying_size_get_the_size_that_each_network_is_for():
    sizes = {entry.name: entry.image_size for entry in zoo_convolutional.zoo_register()}
    assert sizes == {"lenet": 32, "convnet": 64, "resnet": 224}
