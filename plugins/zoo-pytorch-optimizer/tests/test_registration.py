import subprocess
import sys

import pytest

import zoo_pytorch_optimizer
from zoo.registry import Registry
from zoo.testing import check
from zoo_pytorch_optimizer.exemptions import EXEMPT


def test_registration_imports_neither_torch_nor_the_library():
    code = (
        "import sys, zoo_pytorch_optimizer; zoo_pytorch_optimizer.zoo_register(); "
        "print([name for name in sys.modules if name in "
        "('torch', 'numpy', 'pytorch_optimizer', 'zoo_pytorch_optimizer.optimizers')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_over_a_hundred_optimizers_can_be_used():
    entries = zoo_pytorch_optimizer.zoo_register()
    assert sum(not entry.unsupported for entry in entries) > 100


def test_every_entry_has_a_summary_of_one_line():
    for entry in zoo_pytorch_optimizer.zoo_register():
        assert entry.summary
        assert "\n" not in entry.summary


# One of each remedy: a rate that is low for a few weights, draws within the step, two sets of weights, exemptions.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["lion", "kron", "schedulefreewrapper", "gravity", "sara", "ranger21"])
def test_the_conformance_kit_finds_no_fault_that_is_not_named(name):
    registry = Registry.discover({"ZOO_PLUGINS": "zoo-pytorch-optimizer"})
    report = check(registry.get("optimizer", f"pytorch-optimizer/{name}"), registry)
    assert [row for row in report.rows if row.outcome == "failed"] == []
    reasons = [row.reason for row in report.rows if row.reason.startswith("exempt: ")]
    assert reasons == [f"exempt: {reason}" for reason in EXEMPT.get(name, {}).values()]


def test_only_what_can_be_used_is_exempt():
    used = {entry.name for entry in zoo_pytorch_optimizer.zoo_register() if not entry.unsupported}
    assert set(EXEMPT) <= used
