"""Each check is failed by a plugin made to fail it, and by that one alone."""

import pytest

from tests.testing.planted import HEALTHY, PLANTED, register
from zoo.contracts.entries import KINDS
from zoo.testing.checks import Suite
from zoo.testing.running import run, suite_of

# Half a minute a network: they are asked of the networks planted for them, and of all by
# `python -m benchmarks.conformance`.
SLOW = {"exports", "compiles", "overfits-one-batch"}
COMMON = {"exemptions-are-known", "registers-without-torch", "options-are-typed"}


def failed_checks(entry, check=""):
    registered, registry = register(entry, check)
    suite: Suite = suite_of(entry.kind)
    subject = suite.subject(registered, registry)
    rows = [run(each, subject) for each in suite.checks if each.name not in SLOW - {check}]
    return [row.check for row in rows if row.outcome == "failed"], rows


@pytest.mark.parametrize(
    ("check", "entry"), PLANTED, ids=[f"{entry.kind}-{check}" for check, entry in PLANTED]
)
def test_a_planted_fault_fails_its_check_and_no_other(check, entry):
    failed, rows = failed_checks(entry, check)
    assert failed == [check], [row for row in rows if row.outcome == "failed"]
    (row,) = [row for row in rows if row.outcome == "failed"]
    assert "expected" in row.reason or "Error" in row.reason


@pytest.mark.parametrize("kind", HEALTHY)
def test_what_the_faults_were_planted_in_is_sound(kind):
    assert failed_checks(HEALTHY[kind])[0] == []


def test_every_check_of_every_kind_has_a_planted_fault():
    planted = {(entry.kind, check) for check, entry in PLANTED}
    own = {(kind.kind, name) for kind in KINDS for name in suite_of(kind.kind).names if name not in COMMON}
    assert own <= planted
    assert {check for _, check in planted} >= COMMON
