from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples, Timeline
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.data.readers import recognise, texts
from zoo.errors import DataError, UsageError

INPUTS = (TensorSpec("text", "text", "string", ()),)


@pytest.fixture
def write(tmp_path):
    def write(name, content="a text\n"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(examples):
    return list(zip(examples.inputs["text"].tolist(), examples.target.tolist(), examples.ids, strict=True))


def test_a_class_file_has_a_text_a_line(write, tmp_path):
    write("Czech.txt", "Abl\r\n\r\n  Adsit \n")
    write("Arabic.txt", "Khoury\n\nNahas")
    splits = texts.read(tmp_path)
    assert splits.signature == Signature(INPUTS, Binary(("Arabic", "Czech")))
    assert rows(splits.train) == [
        ("Khoury", "Arabic", "Arabic.txt line 1"),
        ("Nahas", "Arabic", "Arabic.txt line 3"),
        ("Abl", "Czech", "Czech.txt line 1"),
        ("Adsit", "Czech", "Czech.txt line 3"),
    ]
    assert texts.read(tmp_path, target_type="classes").signature.target == Classes(("Arabic", "Czech"))


def test_a_class_folder_has_a_text_a_file(write, tmp_path):
    write("spam/spam.txt", "Buy\nnow\n")
    write("spam/more/2.TXT".lower(), "Win")
    write("ham/1.txt", "Hello")
    assert rows(texts.read(tmp_path).train) == [
        ("Hello", "ham", "ham/1.txt"),
        ("Win", "spam", "spam/more/2.txt"),
        ("Buy\nnow\n", "spam", "spam/spam.txt"),
    ]


def test_split_folders_stand_above_either(write, tmp_path):
    for split, word in (("train", "one"), ("dev", "two"), ("test", "three")):
        write(f"{split}/a.txt", f"{word}\n{word}\n")
        write(f"{split}/b.txt", f"{word} b\n")
    splits = texts.read(tmp_path)
    assert splits.validation.inputs["text"].tolist() == ["two", "two", "two b"]
    assert splits.test.ids == ["test/a.txt line 1", "test/a.txt line 2", "test/b.txt line 1"]
    assert len(splits.train) == 3, "what the data declares stays as it is"


def test_classes_and_files_are_left_out_by_name(write, tmp_path):
    for name in ("a.txt", "b.txt", "SOURCE.txt"):
        write(name)
    assert texts.read(tmp_path, drop=("SOURCE",)).signature.target.labels == ("a", "b")
    assert texts.read(tmp_path, drop=("SOURCE.txt",)).signature.target.labels == ("a", "b")
    with pytest.raises(UsageError, match=r"data\.drop: .* has no class or file 'SOURCES'") as caught:
        texts.read(tmp_path, drop=("SOURCES",))
    assert caught.value.fix == "did you mean 'SOURCE'?"


def test_a_text_that_occurs_again_counts_once_with_its_most_frequent_label(write, tmp_path):
    write("a.txt", "x\ny\nz\n")
    write("b.txt", "y\nx\ny\n")
    assert rows(texts.read(tmp_path).train) == [
        ("x", "a", "a.txt line 1"),
        ("z", "a", "a.txt line 3"),
        ("y", "b", "b.txt line 1"),
    ]
    assert len(texts.read(tmp_path, duplicates="keep").train) == 6


def test_duplicates_are_compared_by_every_kind_of_truth():
    inputs = {"text": np.array(["x", "x", "x", "y"], dtype=object)}
    several = {
        "kind": np.array(["a", "b", "b", ""], dtype=object),
        "size": np.array([[1.0], [np.nan], [np.nan], [2.0]]),
    }
    kept = texts.without_duplicates(Examples(inputs, several, list("0123")))
    assert kept.ids == ["1", "3"]
    labels = np.array([[True, False], [True, False], [False, True], [True, True]])
    assert texts.without_duplicates(Examples(inputs, labels, list("0123"))).ids == ["0", "3"]


def test_a_single_file_is_plain_text_in_windows(write):
    splits = texts.read(write("input.txt", "abc\ndefgh"), window=4)
    assert splits.signature == Signature(INPUTS, Tokens(name="text"))
    assert splits.train.inputs["text"].tolist() == ["abc\n", "\ndef", "fgh"]
    assert splits.train.target.tolist() == splits.train.inputs["text"].tolist()
    assert splits.train.ids == ["input.txt line 1", "input.txt line 1", "input.txt line 2"]
    assert splits.timeline == Timeline(range(3), range(3), 3)
    assert splits.validation is None


def test_plain_text_may_have_its_splits_in_files(write, tmp_path):
    for name, content in (
        ("train.txt", "abcd"),
        ("valid.txt", "ef"),
        ("test.txt", "gh"),
        ("README.txt", "x"),
    ):
        write(name, content)
    splits = texts.read(tmp_path)
    assert [part.inputs["text"].tolist() for part in (splits.train, splits.validation, splits.test)] == [
        ["abcd"], ["ef"], ["gh"]
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("ab \n"), min_size=2, max_size=60), window=st.integers(2, 9))
def test_neighbouring_windows_share_one_character(tmp_path_factory, text, window):
    if len(text.strip()) < 2:
        return
    path = tmp_path_factory.mktemp("plain") / "t.txt"
    path.write_text(text)
    windows = texts.read(path, window=window).train.inputs["text"].tolist()
    assert windows[0] + "".join(each[1:] for each in windows[1:]) == text
    assert all(before[-1] == after[0] for before, after in pairwise(windows))
    assert all(2 <= len(each) <= window for each in windows)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.sampled_from(["a", "bb", "see.", "dddddddddd", "(e)", "!"]), min_size=2, max_size=20),
    window=st.integers(2, 12),
)
def test_neighbouring_windows_share_one_word(tmp_path_factory, words, window):
    def split(text):
        return text.replace(".", " . ").replace("(", " ( ").replace(")", " ) ").replace("!", " ! ").split()

    path = tmp_path_factory.mktemp("plain") / "t.txt"
    text = " ".join(words)
    path.write_text(text)
    if len(text.strip()) < 2:
        return
    windows = [
        split(each) for each in texts.read(path, window=window, tokens="words").train.inputs["text"].tolist()
    ]
    assert windows[0] + [word for each in windows[1:] for word in each[1:]] == split(text)
    assert all(before[-1] == after[0] for before, after in pairwise(windows))


def test_one_class_is_refused(write, tmp_path):
    path = write("poems.txt")
    assert (
        texts.refuses(tmp_path) == "holds poems.txt alone: give the file itself, or add one for another class"
    )
    with pytest.raises(DataError, match=r"has one class \(poems\)") as caught:
        texts.read(tmp_path)
    assert caught.value.fix == f"add a file for another class; {path} alone trains a language model"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_named(write, tmp_path, content):
    path = write("a.txt", content)
    with pytest.raises(DataError, match=r"a\.txt: is empty"):
        texts.read(path)
    write("b.txt")
    with pytest.raises(DataError, match=r"a\.txt: is empty"):
        texts.read(tmp_path)


def test_a_binary_file_and_another_encoding_are_named(write, tmp_path):
    write("a.txt", b"\x89PNG\0\0")
    write("b.txt")
    with pytest.raises(DataError, match=r"a\.txt line 1: byte 0 \(0x89\) is not utf-8") as caught:
        texts.read(tmp_path)
    assert "data.encoding=latin-1" in caught.value.fix
    with pytest.raises(DataError, match=r"a\.txt line 1: holds a NUL character"):
        texts.read(tmp_path, encoding="latin-1")


def test_a_text_beside_class_folders_and_a_folder_without_texts_are_named(write, tmp_path):
    write("a/1.txt")
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="class folders without texts: b"):
        texts.read(tmp_path)
    write("b/1.txt")
    write("README.txt")
    with pytest.raises(DataError, match=r"1 texts are in no class folder, for example README\.txt"):
        texts.read(tmp_path)
    assert len(texts.read(tmp_path, drop=("README",)).train) == 1, "both files hold the same text"


def test_two_files_for_one_split_are_refused(write, tmp_path):
    for name in ("train.txt", "training.txt"):
        write(name)
    with pytest.raises(DataError, match=r"train\.txt and training\.txt are both the train split"):
        texts.read(tmp_path)


def test_texts_are_read_like_the_training_data(write, tmp_path):
    write("old/a.txt", "x y\n")
    write("old/b.txt", "z\n")
    signature = texts.read(tmp_path / "old").signature
    write("new/b.txt", "x y\nx y\n")
    assert rows(texts.read_like(tmp_path / "new", signature, {"drop": ["SOURCE"]})) == [
        ("x y", "b", "b.txt line 1"),
        ("x y", "b", "b.txt line 2"),
    ]
    write("new/c.txt", "q\n")
    with pytest.raises(DataError, match=r"c\.txt line 1: label 'c' does not occur in the training data"):
        texts.read_like(tmp_path / "new", signature, {})
    with pytest.raises(DataError, match="is plain text, but the model tells classes apart"):
        texts.read_like(tmp_path / "new" / "c.txt", signature, {})


def test_plain_text_is_read_like_the_training_data(write):
    signature = texts.read(write("old.txt", "abcdef")).signature
    examples = texts.read_like(write("new.txt", "uvwxyz"), signature, {"window": 4})
    assert examples.inputs["text"].tolist() == ["uvwx", "xyz"]


def test_a_model_without_text_reads_none(write):
    signature = Signature((TensorSpec("mass", "number", "float64", ()),), Binary(("a", "b")))
    with pytest.raises(DataError, match="holds texts, but the model takes mass"):
        texts.read_like(write("a.txt"), signature, {})


def test_each_kind_of_folder_is_recognised(write, tmp_path):
    picture = b"\x89PNG\r\n\x1a\n"
    write("pictures/cat/1.png", picture)
    write("pictures/README.txt")
    write("texts/spam/1.txt")
    write("tables/train.csv", "x,y\n1,a\n")
    write("tables/labels.txt")
    write("plain/train.txt")
    for name in ("pictures", "texts", "tables"):
        assert recognise(tmp_path / name).name == name
    assert recognise(tmp_path / "plain").name == "texts"
    assert recognise(tmp_path / "plain" / "train.txt").name == "texts"


def test_a_note_beside_a_table_is_no_data_set(write, tmp_path):
    write("penguins.csv", "x,y\n1,a\n")
    write("SOURCE.txt")
    write("LICENSE.txt")
    with pytest.raises(DataError, match=r"holds penguins\.csv but no train\.csv: give one of these files"):
        recognise(tmp_path)
