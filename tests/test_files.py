import os
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
    LOCAL.remove_folder(tmp_path / "step")
    assert list(tmp_path.iterdir()) == []


OPERATIONS = {
    "make_folder": lambda path: LOCAL.make_folder(path),
    "write": lambda path: LOCAL.write(path, b""),
    "append": lambda path: LOCAL.append(path, b""),
    "replace": lambda path: LOCAL.replace(path, b""),
    "truncate": lambda path: LOCAL.truncate(path, 0),
    "rename": lambda path: LOCAL.rename(path, path.with_name("other")),
    "remove_folder": lambda path: LOCAL.remove_folder(path),
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


def test_the_monotonic_clock_never_goes_back():
    assert LOCAL.monotonic() <= LOCAL.monotonic()
