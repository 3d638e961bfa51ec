import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from zoo import locks, runs
from zoo.errors import EnvironmentFault, UsageError
from zoo.files import LOCAL

HOLD = """
import sys, time
from pathlib import Path
from zoo import locks
from zoo.files import LOCAL
with locks.held(Path(sys.argv[1]), LOCAL, print):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def silent(message):
    raise AssertionError(message)


def held(folder):
    return locks.held(folder, LOCAL, silent)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder until it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path), "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_held_folder_names_its_holder(tmp_path):
    with held(tmp_path):
        document = json.loads((tmp_path / ".lock").read_text())
    assert document == {"pid": os.getpid(), "host": socket.gethostname()}


def test_a_second_process_is_refused_with_pid_and_host_of_the_first(tmp_path, holder):
    with pytest.raises(EnvironmentFault) as caught, held(tmp_path):
        pass
    said = f"{tmp_path} is in use by process {holder.pid} on {socket.gethostname()}"
    assert caught.value.message == said
    assert caught.value.exit_code == 6
    assert locks.is_held(tmp_path)


def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".lock").exists()
    assert not locks.is_held(tmp_path)
    with held(tmp_path):
        assert locks.is_held(tmp_path)


def test_a_child_that_outlives_its_killed_parent_does_not_hold_its_lock(tmp_path):
    script = HOLD.replace("import sys, time", "import os, sys, time").replace(
        "time.sleep(float(sys.argv[2]))",
        "child = os.fork()\n    if child == 0:\n        time.sleep(60)\n    print(child, flush=True)\n    time.sleep(60)",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    child = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        deadline = time.monotonic() + 5  # the child may still be about to close what it inherited
        while locks.is_held(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        with held(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_one_process_cannot_hold_a_folder_twice(tmp_path):
    words = f"in use by process {os.getpid()} "
    with held(tmp_path), pytest.raises(EnvironmentFault, match=words), held(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}'])
def test_a_holder_that_did_not_sign_is_another_process(tmp_path, content):
    with held(tmp_path):
        (tmp_path / ".lock").write_bytes(content)
        with pytest.raises(EnvironmentFault, match="is in use by another process"):
            raise locks.in_use(tmp_path)


def test_a_folder_that_was_never_locked_is_not_held(tmp_path):
    assert not locks.is_held(tmp_path)
    assert not locks.is_held(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_into_cannot_be_held(tmp_path):
    (tmp_path / ".lock").mkdir()
    words = r"\.lock cannot be written: Is a directory"
    with pytest.raises(EnvironmentFault, match=words), held(tmp_path):
        pass


def test_a_run_that_is_being_made_is_held_when_it_appears(tmp_path):
    with runs.create(tmp_path / "run", {"recipe.toml": b""}, stem="") as run:
        assert locks.is_held(run.path)
        with pytest.raises(EnvironmentFault, match="is in use by process"):
            runs.require_free(run.path)
    with pytest.raises(UsageError, match="exists"):
        runs.require_free(run.path)


def test_what_a_killed_process_left_beside_a_new_run_is_cleared_away(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (tmp_path / f".run.{process.pid}" / "checkpoints").mkdir(parents=True)
    (tmp_path / f".run.{os.getppid()}").mkdir()
    (tmp_path / ".run.backup").mkdir()
    with runs.create(tmp_path / "run", {}, stem=""):
        pass
    kept = {f".run.{os.getppid()}", ".run.backup", "run"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_what_a_killed_process_left_in_a_run_is_cleared_away(tmp_path):
    with runs.create(tmp_path / "run", {}, stem="") as run:
        (run.path / ".status.json.4711").write_bytes(b"{")
        (run.path / ".notes").write_bytes(b"mine")
        run.prepare()
    assert {path.name for path in run.path.iterdir()} == {".lock", ".notes", "checkpoints"}
    assert list(run.checkpoints_path.iterdir()) == []
