import importlib
import subprocess
import sys

import zoo_feedforward


def test_registration_imports_neither_torch_nor_the_networks():
    code = (
        "import sys, zoo_feedforward; zoo_feedforward.zoo_register(); "
        "print([name for name in sys.modules if name in "
        "('torch', 'numpy', 'zoo_feedforward.mlp', 'zoo_feedforward.perceptron')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in zoo_feedforward.zoo_register():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_networks_are_a_perceptron_and_an_mlp_for_vectors():
    entries = {entry.name: entry for entry in zoo_feedforward.zoo_register()}
    assert set(entries) == {"perceptron", "mlp"}
    for entry in entries.values():
        assert entry.accepts == ("vector",)
        assert entry.predicts == ("classes", "binary", "labels", "values", "several")
