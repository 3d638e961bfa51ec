"""Exemptions, reports and rows of pytest."""

import os
import subprocess
import sys

import pytest

from tests.testing.planted import HEALTHY, PARTS, loss, network, part, register
from zoo.contracts.entries import KINDS
from zoo.plugin import Architecture, Optimizer
from zoo.testing import Report, Row, check
from zoo.testing.running import run, suite_of

SCHEDULES = """
from zoo.plugin import Schedule, hookimpl

@hookimpl
def zoo_register():
    return [Schedule(name="flat", factory="zoo_schedules:flat", summary="s"),
            Schedule(name="steep", factory="zoo_schedules:steep", summary="s")]

def flat():
    return lambda step, num_steps: 1.0

def steep():
    return lambda step, num_steps: -1.0
"""


def row_of(entry, name):
    registered, registry = register(entry)
    suite = suite_of(entry.kind)
    (each,) = [each for each in suite.checks if each.name == name]
    return run(each, suite.subject(registered, registry))


def test_a_known_failure_is_skipped_with_the_entrys_reason():
    row = row_of(loss("lowered", exempt={"is-not-negative": "one is subtracted"}), "is-not-negative")
    assert (row.outcome, row.reason) == ("skipped", "exempt: one is subtracted")


def test_an_exemption_that_is_not_needed_fails():
    row = row_of(loss("squared", exempt={"is-not-negative": "one is subtracted"}), "is-not-negative")
    assert row.outcome == "failed"
    assert row.reason == (
        "the entry is exempt (one is subtracted), but the check passes: the exemption is stale"
    )


def test_an_exemption_from_what_does_not_apply_fails():
    row = row_of(part(Optimizer, "Plain", exempt={"foreach-agrees": "slow"}), "foreach-agrees")
    assert row.outcome == "failed"
    assert "does not apply (it has no option foreach)" in row.reason


def test_an_exemption_without_a_reason_fails():
    row = row_of(loss("lowered", exempt={"is-not-negative": " "}), "is-not-negative")
    assert row.outcome == "failed"
    assert "without saying why" in row.reason


def test_a_loss_that_says_it_may_be_negative_is_not_asked():
    row = row_of(loss("lowered", is_nonnegative=False), "is-not-negative")
    assert (row.outcome, row.reason) == ("skipped", "it says that its values may be negative")


def test_what_is_offered_by_name_alone_is_not_asked():
    registered, registry = register(network("Gone", unsupported="it is quantised"))
    report = check(registered, registry)
    assert report.is_passed
    assert {row.reason for row in report.rows} == {"offered by name alone: it is quantised"}


def test_a_factory_that_is_not_there_fails_with_its_cause():
    row = row_of(loss("nothing_of_this_name"), "is-unreduced")
    assert row.outcome == "failed"
    assert "has no attribute 'nothing_of_this_name'" in row.reason


def test_a_report_is_whole_only_with_a_row_for_every_check():
    rows = tuple(Row("zoo-a/b", "loss", f"check-{place}", "passed") for place in range(3))
    assert Report(rows, 3).is_passed
    assert not Report(rows, 4).is_passed
    assert Report(rows, 4).summary == "4 checks: 3 passed, 0 failed, 0 skipped, 1 missing"


def test_a_check_skipped_without_a_reason_is_missing():
    report = Report((Row("zoo-a/b", "loss", "exports", "skipped"),), 1)
    assert report.num_missing == 1
    assert not report.is_passed


def test_a_sound_loss_has_a_row_for_each_check_of_its_kind():
    registered, registry = register(HEALTHY["loss"])
    report = check(registered, registry)
    assert [row.check for row in report.rows] == list(suite_of("loss").names)
    assert report.is_passed


def test_a_claim_of_an_unknown_kind_fails():
    row = row_of(network("Sound", accepts=("smell",)), "builds-from-every-signature")
    assert (
        "expected kinds among image, video, vector, table, tokens, series, latent; seen: smell" in row.reason
    )


def test_an_entry_that_fits_nothing_together_fails():
    entry = Architecture(
        name="planted", factory=f"{PARTS}:x", summary="", accepts=("vector",), predicts=("boxes",)
    )
    row = row_of(entry, "builds-from-every-signature")
    assert "an input and a target that go together" in row.reason


@pytest.mark.slow
def test_three_lines_make_each_check_a_row_of_pytest(site, tmp_path):
    site.install("zoo-schedules", SCHEDULES)
    (tmp_path / "test_it.py").write_text(
        "from zoo.testing import conformance\n\n"
        'test_conformance = conformance("zoo-schedules")\n'
        'test_absent = conformance("zoo-absent")\n'
    )
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "test_it.py"]
    environment = {**os.environ, "PYTHONPATH": str(site.path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "test_conformance[schedule-flat-is-pure] PASSED" in done.stdout
    assert "test_conformance[schedule-steep-gives-finite-factors] FAILED" in done.stdout
    assert "fails gives-finite-factors" in done.stdout
    assert "seen: -1.0 at step 0 of 1" in done.stdout
    assert "zoo-absent is not an installed plugin; installed: " in done.stdout
    assert "2 failed, 9 passed" in done.stdout


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
def test_every_check_says_in_a_sentence_what_it_asks(kind):
    checks = suite_of(kind).checks
    assert len({each.name for each in checks}) == len(checks)
    assert all(each.meaning.endswith(".") for each in checks)
