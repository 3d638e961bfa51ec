import gzip
import struct

import numpy as np
import pytest

from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.data.readers import idx
from zoo.errors import DataError

PIXELS = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([3, 0, 1, 3, 1, 0], dtype=np.uint8)


def encode(array, code=0x08):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    for role, cut in (("train", slice(0, 4)), ("t10k", slice(4, 6))):
        (tmp_path / f"{role}-images-idx3-ubyte.gz").write_bytes(gzip.compress(encode(PIXELS[cut])))
        (tmp_path / f"{role}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(encode(LABELS[cut])))
    return tmp_path


def test_a_folder_like_that_of_mnist_is_read(mnist):
    splits = idx.read(mnist)
    assert idx.refuses(mnist) == ""
    assert splits.signature.inputs == (TensorSpec("image", "image", "uint8", (None, None, 1)),)
    assert splits.signature.target == Classes(("0", "1", "3"))
    np.testing.assert_array_equal(splits.train.inputs["image"], PIXELS[:4, ..., None])
    assert splits.train.target.tolist() == ["3", "0", "1", "3"]
    assert splits.test.target.tolist() == ["1", "0"]
    assert splits.validation is None


def test_a_single_file_finds_its_labels(mnist):
    splits = idx.read(mnist / "t10k-images-idx3-ubyte.gz")
    assert splits.train.target.tolist() == ["1", "0"]


def test_an_unpacked_file_is_read_too(tmp_path):
    (tmp_path / "train-images.idx3-ubyte").write_bytes(encode(PIXELS))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(encode(LABELS))
    assert len(idx.read(tmp_path).train) == 6


def test_numbers_are_big_endian(tmp_path):
    values = np.array([1, 256, -2], dtype=">i2")
    (tmp_path / "a").write_bytes(encode(values, 0x0B))
    assert idx.read_idx(tmp_path / "a").tolist() == [1, 256, -2]


def test_a_truncated_gz_is_named(mnist):
    path = mnist / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: is damaged or ends early"):
        idx.read(mnist)


def test_a_short_file_says_how_many_bytes_are_missing(tmp_path):
    (tmp_path / "a").write_bytes(encode(PIXELS)[:-7])
    with pytest.raises(DataError, match="expected 120 bytes for 6x4x5 values, found 113"):
        idx.read_idx(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin like an IDX file"),
        (b"\x1f\x8b\x08\x00", "does not begin like an IDX file"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
    ],
)
def test_what_is_no_idx_file_is_refused(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=words):
        idx.read_idx(tmp_path / "a")


def test_pictures_without_labels_are_refused(mnist):
    (mnist / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"there is no train-labels-idx1-ubyte\.gz beside it"):
        idx.read(mnist)


def test_as_many_labels_as_pictures_are_needed(mnist):
    (mnist / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(encode(LABELS[:3])))
    with pytest.raises(DataError, match="train has 4 inputs and 3 targets"):
        idx.read(mnist)


def test_all_pictures_are_read_like_the_training_data(mnist):
    signature = idx.read(mnist).signature
    assert len(idx.read_like(mnist, signature, {})) == 6


def test_it_says_why_it_cannot_read(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    assert idx.refuses(tmp_path) == "holds no *-images-idx3-ubyte file"
    assert idx.refuses(tmp_path / "a.csv") == "is not called *-images-idx3-ubyte"
