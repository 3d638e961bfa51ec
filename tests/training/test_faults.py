"""A slice of ``make faults``: real SIGKILLs at every operation of one save and of one resume.

The harness forks, so it has a process of its own; its rows say at which operations the faults landed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults.disks import Operation
from benchmarks.faults.planted import PLANTED
from benchmarks.faults.power import CachedDisk
from benchmarks.faults.rules import violations
from benchmarks.faults.selftest import FOUND_BY
from zoo.files import LOCAL

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults.selftest"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {row["row"]: row for row in json.loads(done.stdout)}


@pytest.mark.slow
def test_a_kill_at_any_operation_of_a_save_and_its_rotation_is_survived(rows):
    row = rows["R2"]
    assert row["causes"] == []
    assert row["survived"] == row["tried"] >= 20
    kinds = {name.split()[0] for name in row["landed"]}
    assert kinds == {"mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir"}
    for step in ("write checkpoints/.writing-step-", "unlink checkpoints/.removed-step-"):
        assert any(name.startswith(step) for name in row["landed"])


@pytest.mark.slow
def test_a_kill_at_any_operation_of_a_resume_is_survived(rows):
    row = rows["R3"]
    assert row["causes"] == []
    assert row["survived"] == row["tried"] >= 40
    assert {"lock .lock", "truncate metrics.jsonl", "rename status.json"} <= set(row["landed"])


@pytest.mark.slow
def test_every_planted_mistake_is_found_and_nothing_where_nothing_is_planted(rows):
    row = rows["harness"]
    assert row["causes"] == []
    assert set(FOUND_BY) == set(PLANTED)
    assert {name.partition(",")[0] for name in row["landed"]} == {*PLANTED, "nothing"}


# The rules of order, on traces of one line each

A, STEP = Path("a"), Path("step-00000002")
IN_ORDER = [
    Operation("mkdir", A),
    *(Operation(kind, A / "model") for kind in ("open", "write", "fsync")),
    *(Operation(kind, A / "MANIFEST.json") for kind in ("open", "write", "fsync")),
    Operation("fsync", A),
    Operation("rename", STEP, A),
    Operation("fsync", Path()),
]


def test_a_save_in_order_has_no_violation():
    assert violations(IN_ORDER) == []


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        (3, "MANIFEST.json is begun before model is on disk"),
        (6, "step-00000002 is committed before a/MANIFEST.json is on disk"),
        (7, "step-00000002 is committed before a is on disk"),
        (9, ". is not synchronised after step-00000002 was committed"),
    ],
)
def test_every_synchronisation_that_is_left_out_is_a_violation(left_out, words):
    trace = [operation for index, operation in enumerate(IN_ORDER) if index != left_out]
    assert any(words in each for each in violations(trace))


def test_a_deletion_before_anything_newer_is_committed_is_a_violation():
    removal = [Operation("rename", Path(".removed-step-00000001"), Path("step-00000001")), IN_ORDER[-1]]
    assert violations([*IN_ORDER, *removal]) == []
    [found] = violations([*removal, *IN_ORDER])
    assert found == "step-00000001 is deleted before anything newer is committed"


# The simulated power cut


@pytest.fixture
def cached(tmp_path):
    (tmp_path / "root").mkdir()
    LOCAL.write(tmp_path / "root" / "old", b"old")
    return CachedDisk(root=tmp_path / "root")


def content(root):
    return {path.name: path.read_bytes() for path in root.iterdir()}


def test_what_was_synchronised_survives_a_power_cut(cached):
    cached.replace(cached.root / "old", b"new")
    cached.cut()
    assert content(cached.root) == {"old": b"new"}


def test_what_was_not_synchronised_does_not_survive_a_power_cut(cached):
    (cached.root / "old").rename(cached.root / "renamed")
    (cached.root / "fresh").write_bytes(b"1234")
    cached.cut()
    assert content(cached.root) == {"old": b"old"}


def test_names_may_survive_without_their_content(cached):
    cached.keeps = "names"
    (cached.root / "old").rename(cached.root / "renamed")
    (cached.root / "fresh").write_bytes(b"1234")
    cached.cut()
    assert content(cached.root) == {"renamed": b"old", "fresh": b"12"}


def test_of_an_append_what_was_there_before_survives(cached):
    cached.keeps = "names"
    with (cached.root / "old").open("ab") as file:
        file.write(b"1234")
    cached.cut()
    assert content(cached.root) == {"old": b"old12"}


def test_a_file_whose_number_was_another_file_s_before_is_not_taken_for_it(cached):
    LOCAL.remove(cached.root / "old")
    for number in range(20):
        (cached.root / f"fresh-{number}").write_bytes(b"x")
    LOCAL.rename(cached.root / "fresh-0", cached.root / "old")
    cached.do("fsync", cached.root, lambda: None)
    cached.cut()
    assert set(content(cached.root).values()) == {b""}
