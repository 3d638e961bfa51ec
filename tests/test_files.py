import errno
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ArtifactError, EnvironmentFault
from zoo.files import LOCAL, Disk, dump_json, load_json, read_bytes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4))
def test_json_reads_back_as_it_was_written(document):
    assert load_json(dump_json(document), name="x") == document


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_that_is_not_strict_is_not_written(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"loss": value})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1', "Expecting ',' delimiter"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_damaged_json_is_named(content, words):
    with pytest.raises(ArtifactError) as caught:
        load_json(content, name="runs/1/status.json")
    assert caught.value.message.startswith("runs/1/status.json is damaged: ")
    assert words in caught.value.message
    assert caught.value.exit_code == 4


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"gone.json cannot be read: No such file"):
        read_bytes(tmp_path / "gone.json")


def test_replacing_leaves_the_new_content_and_nothing_beside_it(tmp_path):
    path = tmp_path / "status.json"
    for content in (b"old", b"new"):
        LOCAL.replace(path, content)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["status.json"]  # noqa: PTH208


def test_a_replacement_that_fails_leaves_the_old_content(tmp_path):
    class FullDisk(Disk):
        def rename(self, source, target):
            raise EnvironmentFault("no space left")

    path = tmp_path / "status.json"
    LOCAL.write(path, b"old")
    with pytest.raises(EnvironmentFault):
        FullDisk().replace(path, b"new")
    assert path.read_bytes() == b"old"


def test_appending_and_truncating(tmp_path):
    path = tmp_path / "metrics.jsonl"
    LOCAL.append(path, b"one\n")
    LOCAL.append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    LOCAL.truncate(path, 4)
    assert path.read_bytes() == b"one\n"


def test_a_removed_folder_is_gone_even_where_a_removal_was_cut_short(tmp_path):
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "file").write_text("x")
    (tmp_path / ".removed-step").mkdir()
    (tmp_path / ".removed-step" / "old").write_text("x")
    LOCAL.remove(tmp_path / "step")
    assert list(tmp_path.iterdir()) == []


OPERATIONS = {
    "make_folder": lambda path: LOCAL.make_folder(path),
    "write": lambda path: LOCAL.write(path, b""),
    "append": lambda path: LOCAL.append(path, b""),
    "replace": lambda path: LOCAL.replace(path, b""),
    "truncate": lambda path: LOCAL.truncate(path, 0),
    "rename": lambda path: LOCAL.rename(path, path.with_name("other")),
    "remove": lambda path: LOCAL.remove(path),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_what_cannot_be_written_is_an_environment_fault_that_names_the_path(tmp_path, operation):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault) as caught:
        operation(tmp_path / "file" / "below")
    assert str(tmp_path / "file") in caught.value.message
    assert "cannot be written: " in caught.value.message
    assert caught.value.exit_code == 6


def test_every_write_is_synchronised_before_it_is_committed(tmp_path):
    """The order of system calls, as an audit hook sees them: write aside, then rename."""
    events = []
    watched = {"open", "os.rename"}

    def watch(event, arguments):
        if event in watched and str(tmp_path) in str(arguments[0]):
            events.append(event)

    sys.addaudithook(watch)
    try:
        LOCAL.replace(tmp_path / "status.json", b"x")
    finally:
        watched.clear()
    assert events == ["open", "os.rename", "open"]


def test_a_full_disk_is_named_with_the_bytes_that_it_lacks(tmp_path):
    class FullDisk(Disk):
        def do(self, operation, path, call, **size):
            def refuse():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            return super().do(operation, path, refuse if operation == "write" else call, **size)

    with pytest.raises(EnvironmentFault) as caught:
        FullDisk().write(tmp_path / "model", bytes(1200))
    path = tmp_path / "model"
    assert caught.value.message == f"{path} cannot be written: No space left on device; it needs 1200 bytes"
    assert "free some space" in caught.value.fix


def test_a_limit_on_file_sizes_is_met_with_the_old_content_left(tmp_path):
    script = """
import resource, signal, sys
from pathlib import Path
from zoo.errors import EnvironmentFault
from zoo.files import LOCAL
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
LOCAL.replace(path, bytes(900))
try:
    LOCAL.replace(path, bytes(2000))
except EnvironmentFault as error:
    print(error.message)
"""
    path = tmp_path / "status"
    command = [sys.executable, "-c", script, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be written: File too large; it needs 2000 bytes" in said
    assert path.read_bytes() == bytes(900)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_shorter_than_its_cut_is_damaged(tmp_path):
    LOCAL.write(tmp_path / "log", b"1234")
    with pytest.raises(ArtifactError, match="log is damaged: it has 4 bytes, not 9"):
        LOCAL.truncate(tmp_path / "log", 9)


def test_every_change_is_one_operation_that_can_be_counted(tmp_path):
    heard = []

    class Listening(Disk):
        def do(self, operation, path, call, **size):
            heard.append(f"{operation} {path.relative_to(tmp_path)}")
            return super().do(operation, path, call, **size)

    disk = Listening()
    disk.make_folder(tmp_path / "a" / "b")
    disk.write(tmp_path / "a" / "b" / "file", b"x")
    disk.append(tmp_path / "a" / "b" / "file", b"y")
    disk.truncate(tmp_path / "a" / "b" / "file", 1)
    disk.rename(tmp_path / "a" / "b", tmp_path / "a" / "c")
    disk.remove(tmp_path / "a" / "c")
    assert heard == [
        *("mkdir a", "fsync .", "mkdir a/b"),
        *("open a/b/file", "write a/b/file", "fsync a/b/file"),
        *("open a/b/file", "write a/b/file", "fsync a/b/file"),
        *("open a/b/file", "truncate a/b/file", "fsync a/b/file"),
        *("fsync a/b", "rename a/c", "fsync a"),
        *("fsync a/c", "rename a/.removed-c", "fsync a", "unlink a/.removed-c/file", "rmdir a/.removed-c"),
    ]
    assert list((tmp_path / "a").iterdir()) == []


def test_links_are_removed_and_what_they_point_to_is_not(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "doomed").mkdir()
    (tmp_path / "doomed" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    LOCAL.remove(tmp_path / "doomed")
    LOCAL.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_the_monotonic_clock_never_goes_back():
    assert LOCAL.monotonic() <= LOCAL.monotonic()
