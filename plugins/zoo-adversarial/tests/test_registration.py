import importlib
import inspect
import subprocess
import sys

import zoo_adversarial
from zoo.plugin import Architecture, Loss, Objective

ENTRIES = {entry.name: entry for entry in zoo_adversarial.zoo_register()}


def test_registration_imports_neither_torch_nor_the_networks():
    code = (
        "import sys, zoo_adversarial; zoo_adversarial.zoo_register(); "
        "print([name for name in sys.modules if name in ('torch', 'numpy') or name.startswith('zoo_adversarial.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in ENTRIES.values():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_architectures_are_four_pairs_of_players():
    networks = {name: entry for name, entry in ENTRIES.items() if isinstance(entry, Architecture)}
    assert {name: entry.is_conditional for name, entry in networks.items()} == {
        "gan": False,
        "conditional-gan": True,
        "dcgan": False,
        "conditional-dcgan": True,
    }
    for entry in networks.values():
        assert (entry.accepts, entry.predicts) == (("latent",), ("sample",))
        assert entry.players == ("generator", "discriminator")
        assert entry.exports == "generator"
        assert isinstance(ENTRIES[entry.objective], Objective)
        assert isinstance(ENTRIES[entry.recipe["loss.name"]], Loss)
        assert entry.recipe["checkpoint.best"] == "last"


def test_the_losses_are_those_of_samples():
    losses = {name for name, entry in ENTRIES.items() if isinstance(entry, Loss)}
    assert losses == {"minimax", "non-saturating", "least-squares", "adversarial-hinge", "wasserstein"}
    for name in losses:
        assert (ENTRIES[name].fits, ENTRIES[name].expects) == (("sample",), "real")


def test_every_option_is_explained():
    for entry in ENTRIES.values():
        module, attribute = entry.factory.split(":")
        factory = getattr(importlib.import_module(module), attribute)
        options = [p for p in inspect.signature(factory).parameters.values() if p.kind is p.KEYWORD_ONLY]
        for option in options:
            assert f"{option.name}: " in inspect.getdoc(factory), (entry.name, option.name)
            assert option.default is not option.empty
