"""`zoo check`: a plugin may hang, exit or crash, and gets a row."""

import json
import os

import pytest

ENTRIES = """
import os, signal, time
from zoo.plugin import Schedule, hookimpl

@hookimpl
def zoo_register():
    return [Schedule(name=name, factory=f"zoo_mixed:{name}", summary="s") for name in NAMES]

def sound():
    print("noise on stdout")
    return lambda step, num_steps: 1.0

def steep():
    return lambda step, num_steps: -1.0

def crashing():
    os.kill(os.getpid(), signal.SIGSEGV)

def leaving():
    os._exit(3)

def hanging():
    time.sleep(600)
"""
REGISTRATIONS = {
    "zoo-raises": "raise RuntimeError('no luck')",
    "zoo-crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "zoo-leaves": "import os; os._exit(0)",
    "zoo-empty": "X = 1",
}


@pytest.fixture
def zoo(site, zoo_command, tmp_path):
    def run(*words):
        done = zoo_command(*words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site.path)})
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def mixed(site):
    def install(*names):
        site.install("zoo-mixed", f"NAMES = {names!r}\n{ENTRIES}")

    return install


def rows_of(done):
    return {(row["entry"], row["check"]): row for row in json.loads(done.stdout)["rows"]}


def test_an_entry_that_keeps_the_contract_passes(mixed, zoo):
    mixed("sound")
    done = zoo("check", "zoo-mixed")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[3].split() == ["zoo-mixed/sound", "is-pure", "passed"]
    assert lines[-1] == "5 checks: 5 passed, 0 failed, 0 skipped"


def test_a_failed_check_is_exit_8_and_says_what_was_seen(mixed, zoo):
    mixed("sound", "steep")
    done = zoo("check", "mixed/steep", "--json")
    assert done.returncode == 8
    rows = rows_of(done)
    assert len(rows) == 5
    row = rows["zoo-mixed/steep", "gives-finite-factors"]
    assert row["outcome"] == "failed"
    assert row["reason"] == "expected a finite number from 0 up; seen: -1.0 at step 0 of 1"


@pytest.mark.slow
def test_a_crash_has_a_row_and_the_next_entry_is_checked(mixed, zoo):
    mixed("crashing", "leaving", "sound")
    done = zoo("check", "zoo-mixed", "--json")
    assert done.returncode == 5
    rows = rows_of(done)
    assert len(rows) == 15
    assert rows["zoo-mixed/crashing", "is-pure"]["reason"] == "crashed the interpreter: SIGSEGV"
    assert rows["zoo-mixed/leaving", "is-pure"]["reason"] == "ended the process with exit code 3"
    assert {row["outcome"] for (entry, _), row in rows.items() if entry == "zoo-mixed/sound"} == {"passed"}


@pytest.mark.slow
def test_a_check_that_hangs_is_ended_at_the_limit(mixed, zoo):
    mixed("hanging")
    # The limit leaves room for what the process imports first.
    done = zoo("check", "hanging", "--limit", "20")
    assert done.returncode == 5
    assert "is-pure                             failed   was not done after 20 s and was ended" in done.stdout
    assert done.stdout.count("failed   was not done") == 2
    assert done.stdout.splitlines()[-1] == "5 checks: 3 passed, 2 failed, 0 skipped"


def test_a_distribution_that_does_not_register_has_a_row_with_the_cause(site, zoo):
    for name, source in REGISTRATIONS.items():
        site.install(name, source)
    causes = {
        "zoo-raises": "RuntimeError: no luck",
        "zoo-crashes": "its import crashes the interpreter (SIGSEGV)",
        "zoo-leaves": "its import ends the interpreter with code 0",
        "zoo-empty": "it registers no entry",
    }
    for name, cause in causes.items():
        done = zoo("check", name)
        assert done.returncode == 5
        (row, summary) = done.stdout.splitlines()
        assert row.split(maxsplit=3) == [name, "registration", "failed", cause]
        assert summary == "1 checks: 0 passed, 1 failed, 0 skipped"


def test_a_bare_name_is_found_beside_a_plugin_that_crashes(site, mixed, zoo):
    site.install("zoo-crashes", REGISTRATIONS["zoo-crashes"])
    mixed("sound")
    done = zoo("check", "sound")
    assert done.returncode == 0
    assert "zoo-mixed/sound" in done.stdout


def test_a_name_that_is_not_installed_is_refused_with_the_nearest(mixed, zoo):
    mixed("sound")
    done = zoo("check", "zoo-mixd")
    assert done.returncode == 2
    assert "there is no plugin or entry 'zoo-mixd' installed" in done.stderr
    assert "did you mean 'zoo-mixed'?" in done.stderr


def test_a_name_of_another_kind_is_not_suggested(zoo):
    done = zoo("check", "sgd", "--kind", "loss")
    assert done.returncode == 2
    assert "there is no loss 'sgd' installed" in done.stderr
    assert "sgd" not in done.stderr.splitlines()[1]
