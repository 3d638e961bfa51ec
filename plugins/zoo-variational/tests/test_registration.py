import importlib
import subprocess
import sys

import zoo_variational

ENTRIES = {entry.name: entry for entry in zoo_variational.zoo_register()}


def test_registration_imports_neither_torch_nor_the_network():
    code = (
        "import sys, zoo_variational; zoo_variational.zoo_register(); "
        "print([name for name in sys.modules if name in ('torch', 'numpy') or name.startswith('zoo_variational.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in ENTRIES.values():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_network_brings_its_objective_and_its_loss():
    network = ENTRIES["vae"]
    assert (network.accepts, network.predicts) == (("latent",), ("sample",))
    assert (network.players, network.exports) == (("model",), "model")
    assert network.objective in ENTRIES
    loss = ENTRIES[network.recipe["loss.name"]]
    assert (loss.fits, loss.expects) == (("sample",), "real")
