import importlib
import subprocess
import sys

import zoo_recurrent


def test_registration_imports_neither_torch_nor_the_networks():
    code = (
        "import sys, zoo_recurrent; zoo_recurrent.zoo_register(); "
        "print([name for name in sys.modules "
        "if name in ('torch', 'numpy') or name.startswith('zoo_recurrent.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_names_a_factory_that_exists():
    for entry in zoo_recurrent.zoo_register():
        module, attribute = entry.factory.split(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_networks_are_three_for_texts_and_series_and_bring_their_objective():
    entries = {entry.name: entry for entry in zoo_recurrent.zoo_register()}
    assert set(entries) == {"rnn", "lstm", "gru", "truncated"}
    assert entries["truncated"].kind == "objective"
    for name in ("rnn", "lstm", "gru"):
        assert entries[name].accepts == ("tokens", "series")
        assert {"classes", "tokens", "forecast"} < set(entries[name].predicts)
        assert entries[name].objective == "truncated"


def test_gradients_are_clipped_unless_the_user_says_otherwise():
    networks = [entry for entry in zoo_recurrent.zoo_register() if entry.kind == "architecture"]
    assert [entry.recipe["clip_norm"] for entry in networks] == [1.0, 1.0, 1.0]


def test_the_rate_names_its_optimizer_so_that_another_one_keeps_its_own():
    networks = [entry for entry in zoo_recurrent.zoo_register() if entry.kind == "architecture"]
    for entry in networks:
        assert entry.recipe["optimizer.name"] == "adamw"
        assert entry.recipe["optimizer.lr"] == 3e-3
