import importlib
import subprocess
import sys

import pytest

from zoo.builtin import zoo_register
from zoo.contracts.entries import Loss, Metric
from zoo.contracts.targets import TARGETS
from zoo.options import schema_of

ENTRIES = zoo_register()


def load(entry):
    module, _, attribute = entry.factory.partition(":")
    return getattr(importlib.import_module(module), attribute)


def test_registering_imports_neither_torch_nor_numpy():
    heavy = "{'torch', 'numpy', 'sklearn', 'torchmetrics'}"
    code = f"import sys, zoo.builtin; zoo.builtin.zoo_register(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_names_are_unique_within_a_kind():
    names = [(entry.kind, entry.name) for entry in ENTRIES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_entry_can_be_built_with_its_defaults(entry):
    schema = schema_of(load(entry))
    assert all(not option.is_required for option in schema.options)
    assert schema.arguments({}, where="").keys() == {option.name for option in schema.options}


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e.factory.startswith("zoo.builtin")], ids=lambda e: f"{e.kind}-{e.name}"
)
def test_every_option_has_a_meaning(entry):
    assert [option.name for option in schema_of(load(entry)).options if not option.meaning] == []


@pytest.mark.parametrize("kind", TARGETS)
def test_every_target_finds_its_default_loss_and_metrics(kind):
    target = TARGETS[kind]
    losses = {entry.name: entry for entry in ENTRIES if isinstance(entry, Loss)}
    metrics = {entry.name: entry for entry in ENTRIES if isinstance(entry, Metric)}
    if target.default_loss in losses:  # boxes, samples and several targets find theirs elsewhere
        assert kind in losses[target.default_loss].fits
        assert losses[target.default_loss].expects == target.emits
    else:
        assert kind in ("boxes", "sample", "several")
    assert all(kind in metrics[name].fits for name in target.default_metrics)
