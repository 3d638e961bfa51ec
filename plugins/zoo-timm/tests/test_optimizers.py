"""timm's optimizers: the shipped facts, their options, and what timm binds to a name."""

import json
import subprocess
import sys

import pytest
import torch

from zoo.options import schema_of
from zoo.plugin import UsageError
from zoo_timm import optimizers, updates

USED = [entry.name for entry in optimizers.optimizer_entries() if not entry.unsupported]


def schema(name):
    return schema_of(getattr(updates, name))


def weight():
    return [("weight", torch.ones(3, 2, requires_grad=True))]


def test_the_entries_are_read_without_torch_and_without_timm():
    code = (
        "import sys; from zoo_timm.optimizers import optimizer_entries; optimizer_entries(); "
        "print([name for name in sys.modules if name in ('torch', 'timm', 'numpy', 'zoo_timm.updates')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_facts_are_what_the_command_writes():
    shipped = json.loads(optimizers.FACTS.read_text(encoding="utf-8"))
    assert shipped == updates.facts(), "python -m zoo_timm.updates"


def test_every_optimizer_that_timm_lists_is_an_entry():
    import timm.optim

    assert [entry.name for entry in optimizers.optimizer_entries()] == timm.optim.list_optimizers()


@pytest.mark.parametrize("name", USED)
def test_a_recipe_with_every_option_written_out_makes_the_optimizer(name):
    required = {option.name: 0.1 for option in schema(name).options if option.is_required}
    written = schema(name).complete(required, where="optimizer.")
    given = schema(name).arguments(written, where="optimizer.")
    assert isinstance(getattr(updates, name)(weight(), **given), torch.optim.Optimizer)


def test_a_name_stands_for_a_class_and_some_of_its_options():
    options = {name: {each.name: each.default for each in schema(name).options} for name in ("lamb", "lambc")}
    assert options["lamb"]["trust_clip"] is False
    assert options["lambc"]["trust_clip"] is True
    assert updates.sgd(weight()).param_groups[0]["momentum"] == 0.9


def test_cautious_lion_moves_only_where_momentum_and_gradient_agree():
    named = weight()
    named[0][1].grad = torch.tensor([[1.0, -1.0]] * 3)
    updates.clion(named, lr=0.1).step()
    torch.testing.assert_close(named[0][1].detach(), torch.tensor([[0.9, 1.1]] * 3))


def test_a_value_that_the_class_refuses_is_refused_in_its_words():
    with pytest.raises(UsageError) as caught:
        updates.lion(weight(), lr=-1.0)
    assert caught.value.message.startswith("Lion refuses its options: ")
    assert caught.value.fix == "zoo show timm/lion lists them"
