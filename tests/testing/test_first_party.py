"""What this repository offers keeps the contract; the slow checks are left to `python -m benchmarks.conformance`."""

from pathlib import Path

import pytest

from tests.testing.test_planted import SLOW
from zoo.registry import CORE, Registry
from zoo.testing.running import run, suite_of

FIRST_PARTY = {CORE, *(path.name for path in Path(__file__).parents[2].glob("plugins/*"))}
# Bridges offer hundreds of entries of other libraries; the matrix of compatibility is their measure.
ENTRIES = [
    each
    for each in Registry.discover({"ZOO_PLUGINS": ",".join(FIRST_PARTY)})
    if each.plugin.distribution in FIRST_PARTY and len(each.plugin.entries) < 80
]


@pytest.mark.parametrize("registered", ENTRIES, ids=lambda each: f"{each.entry.kind}-{each.entry.name}")
def test_a_first_party_entry_keeps_the_contract(registered, registry):
    suite = suite_of(registered.entry.kind)
    subject = suite.subject(registered, registry)
    rows = [run(each, subject) for each in suite.checks if each.name not in SLOW]
    assert [row for row in rows if row.outcome == "failed"] == []
    assert all(row.reason for row in rows if row.outcome == "skipped")
