"""Every reader of foreign bytes meets a few mutants, always the same ones, and everything that was ever found."""

import random

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing import targets
from tests.fuzzing.__main__ import NAMES
from tests.fuzzing.campaign import SEEDS, seeds
from tests.fuzzing.mutants import mutant
from tests.fuzzing.oracle import fault
from zoo.cli.program import root

TARGETS = targets.build()
BRIEFLY = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_the_command_knows_every_target():
    assert sorted(NAMES) == sorted(TARGETS)
    assert {path.name for path in SEEDS.iterdir()} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_before_and_every_good_input_is_read_or_refused_in_words(name):
    found = [*TARGETS[name].examples, *seeds(SEEDS / name)]
    assert {fault(TARGETS[name].read, data) for data in found} == {""}


@pytest.mark.parametrize("name", NAMES)
def test_mutants_are_read_or_refused_in_words(name):
    target = TARGETS[name]

    @BRIEFLY
    @given(st.integers(0, 2**32))
    def read(number):
        assert fault(target.read, mutant(target.examples, target.words, random.Random(number))) == ""

    read()


@pytest.mark.parametrize("name", ["json", "recipe", "words", "table", "text"])
def test_any_text_at_all_is_read_or_refused_in_words(name):
    target = TARGETS[name]

    @BRIEFLY
    @given(st.one_of(st.text().map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary()))
    def read(data):
        assert fault(target.read, data) == ""

    read()


VALUES = (
    "",
    "0",
    "-1",
    "1e9",
    "none",
    "x.csv",
    "..",
    "/",
    "-",
    "--",
    "a=b",
    "é",
    "\x1b[2J",
    "\u202e",
    "name\n",
    "9" * 50,
)


@st.composite
def command_lines(draw):
    """Words that the commands themselves say they take, with values that do not always fit."""
    name = draw(st.sampled_from(root.list_commands(click.Context(root))))
    command = root.get_command(click.Context(root), name)
    line = [name]
    for parameter in draw(st.lists(st.sampled_from(command.params), max_size=5)):
        if isinstance(parameter, click.Option):
            line.append(draw(st.sampled_from(parameter.opts)))
        if not getattr(parameter, "is_flag", False):
            line.append(
                draw(
                    st.one_of(
                        st.sampled_from(VALUES), st.text(max_size=8).filter(lambda text: "\0" not in text)
                    )
                )
            )
    return line


@BRIEFLY
@given(command_lines())
def test_any_command_line_ends_with_a_documented_code_and_no_traceback(line):
    data = "\0".join(line).encode(
        "utf-8", "surrogateescape" if "\udc80" <= max("".join(line), default="") <= "\udcff" else "replace"
    )
    assert fault(TARGETS["argv"].read, data) == ""
