"""facts.json says what the library that is installed has."""

import json
import re

import pytest

from zoo_pytorch_optimizer import facts, optimizers


@pytest.fixture(scope="module")
def shipped():
    return json.loads(facts.FACTS.read_text())


def test_the_shipped_facts_are_what_the_command_writes(shipped):
    assert shipped == facts.facts(), "python -m zoo_pytorch_optimizer.facts"


def test_every_optimizer_that_the_library_lists_is_an_entry_or_one_of_pytorch(shipped):
    from pytorch_optimizer import get_supported_optimizers, load_optimizer

    named = {fact["class"] for fact in shipped["optimizers"]}
    for name in get_supported_optimizers():
        listed = load_optimizer(name)
        assert listed.__name__ in named or listed.__module__.startswith("torch.optim."), name


def test_no_reason_is_given_for_what_does_not_exist():
    assert set(facts.REASONS) <= set(optimizers.classes())


def test_names_are_those_of_the_library_in_small_letters(shipped):
    for fact in shipped["optimizers"]:
        assert fact["name"] == fact["class"].lower()
        assert re.fullmatch("[a-z0-9]+", fact["name"])


@pytest.mark.parametrize(
    ("name", "paper"),
    [
        ("lion", "arXiv:2302.06675"),
        ("adabelief", "arXiv:2010.07468"),
        ("apollo", "arXiv:2412.05270"),
        ("apollodqn", "arXiv:2009.13586"),
        ("dadaptadam", "arXiv:2301.07733"),
        ("prodigy", "arXiv:2306.06101"),
    ],
)
def test_the_paper_is_the_one_that_describes_it(shipped, name, paper):
    [fact] = [each for each in shipped["optimizers"] if each["name"] == name]
    assert fact["reference"] == paper
