import numpy as np
import pytest

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Labels, Values
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import fingerprint
from zoo.data.readers import arrays
from zoo.errors import DataError

X = np.arange(12, dtype=np.float64).reshape(6, 2)
Y = np.array([2, 0, 1, 2, 10, 1])


@pytest.fixture
def save(tmp_path):
    def save(**content):
        np.savez(tmp_path / "data.npz", **content)
        return tmp_path / "data.npz"

    return save


def test_vectors_and_whole_numbers_are_classes(save):
    splits = arrays.read(save(x=X, y=Y))
    assert splits.signature.inputs == (TensorSpec("vector", "vector", "float32", (2,)),)
    assert splits.signature.target == Classes(("0", "1", "2", "10"))
    assert splits.train.inputs["vector"].dtype == np.float32
    assert splits.train.target.tolist() == ["2", "0", "1", "2", "10", "1"]


@pytest.mark.parametrize(("shape", "channels"), [((6, 4, 5), 1), ((6, 4, 5, 1), 1), ((6, 4, 5, 3), 3)])
def test_uint8_arrays_are_pictures(save, shape, channels):
    pixels = np.zeros(shape, np.uint8)
    splits = arrays.read(save(images=pixels, labels=Y))
    assert splits.signature.inputs == (TensorSpec("image", "image", "uint8", (None, None, channels)),)
    assert splits.train.inputs["image"].shape == (6, 4, 5, channels)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.array([0, 1, 1, 0, 1, 0]), Binary(("0", "1"))),
        (np.array([True, False] * 3), Binary(("false", "true"))),
        (np.array(["a", "b", "c"] * 2), Classes(("a", "b", "c"))),
        (np.array([[0], [1], [2]] * 2), Classes(("0", "1", "2"))),
        (np.linspace(0, 1, 6), Values(("label",))),
        (np.arange(12.0).reshape(6, 2), Values(("label_1", "label_2"))),
        (np.array([[0, 1], [1, 0]] * 3), Labels(("label_1", "label_2"))),
    ],
)
def test_the_type_of_y_decides_what_is_predicted(save, y, expected):
    assert arrays.read(save(x=X, y=y)).signature.target == expected


def test_whole_numbers_are_values_when_asked(save):
    splits = arrays.read(save(x=X, y=Y), target_type="values")
    assert splits.signature.target == Values(("label",))
    assert splits.train.target[:, 0].tolist() == Y.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val"),
        ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
    ],
)
def test_names_of_arrays_say_the_split(save, names):
    content = dict(zip(names, (X, Y, X[:2], Y[:2], X[2:3], Y[2:3]), strict=True))
    splits = arrays.read(save(**content))
    assert (len(splits.train), len(splits.test), len(splits.validation)) == (6, 2, 1)


def test_python_objects_are_never_unpickled(save):
    with pytest.raises(DataError, match="holds Python objects, which are never unpickled"):
        arrays.read(save(x=X, y=np.array([{}] * 6, dtype=object)))


def test_missing_arrays_are_named(save):
    with pytest.raises(DataError, match="expected the arrays x and y, found 'a', 'b'"):
        arrays.read(save(a=X, b=Y))


def test_a_split_without_labels_is_refused(save):
    with pytest.raises(DataError, match="'x_test' has no labels beside it"):
        arrays.read(save(x_train=X, y_train=Y, x_test=X))


def test_two_arrays_for_one_part_are_refused(save):
    with pytest.raises(DataError, match="'x' and 'data' are both x of train"):
        arrays.read(save(x=X, data=X, y=Y))


def test_lengths_must_agree(save):
    with pytest.raises(DataError, match="train has 6 inputs and 3 targets"):
        arrays.read(save(x=X, y=Y[:3]))


def test_nan_in_the_target_is_counted_and_located(save):
    y = np.array([1.0, 2.0, np.nan, 4.0, np.nan, 6.0])
    with pytest.raises(
        DataError, match=r"target is missing or infinite in 2 examples, first in data\.npz train 2"
    ):
        arrays.read(save(x=X, y=y))


def test_nan_in_a_vector_is_located(save):
    x = X.copy()
    x[3, 1] = np.nan
    with pytest.raises(DataError, match=r"data\.npz train 3: holds a value that is not finite"):
        arrays.read(save(x=x, y=Y))


@pytest.mark.parametrize("x", [np.zeros((6, 3, 4, 5), np.uint8), np.zeros((6, 4, 5)), np.zeros(6)])
def test_other_shapes_are_refused_with_those_that_are_allowed(save, x):
    with pytest.raises(DataError, match="neither pictures, clips nor vectors") as caught:
        arrays.read(save(x=x, y=Y))
    assert "uint8 [n, height, width]" in caught.value.fix


@pytest.mark.parametrize("cut", [0, 10, 100, 300])
def test_a_damaged_file_is_refused(save, cut):
    path = save(x=X, y=Y)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"data\.npz: (is damaged|holds Python objects)"):
        arrays.read(path)


def test_pictures_of_another_size_are_read_like_the_training_data(save):
    spec = TensorSpec("image", "image", "uint8", (8, 8, 1))
    signature = Signature((spec,), Classes(("0", "1", "2", "10")))
    path = save(x=np.zeros((6, 4, 5), np.uint8), y=Y)
    assert arrays.read_like(path, signature, {}).inputs["image"].shape == (6, 4, 5, 1)


def test_arrays_are_read_like_the_training_data(save):
    signature = arrays.read(save(x=X, y=Y)).signature
    assert arrays.read_like(save(x=X[:2], y=Y[:2]), signature, {}).target.tolist() == ["2", "0"]
    with pytest.raises(DataError, match=r"train 0: label '7' does not occur"):
        arrays.read_like(save(x=X[:1], y=np.array([7])), signature, {})
    with pytest.raises(DataError, match=r"train holds vector \(1,\), expected vector vector \(2,\)"):
        arrays.read_like(save(x=X[:, :1], y=Y), signature, {})


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for role, length in (("train", 40), ("test", 10)):
        np.save(tmp_path / f"x_{role}.npy", rng.normal(size=(length, 3)).astype(np.float32))
        np.save(tmp_path / f"y_{role}.npy", rng.normal(size=length))
    return tmp_path


def test_the_npy_files_of_a_folder_are_mapped_and_not_read(folder):
    assert arrays.refuses(folder) == ""
    splits = arrays.read(folder)
    x = splits.train.inputs["vector"]
    assert isinstance(x.base if not isinstance(x, np.memmap) else x, np.memmap)
    assert np.array_equal(x, np.load(folder / "x_train.npy"))
    assert np.array_equal(splits.test.target[:, 0], np.load(folder / "y_test.npy"))
    assert splits.train.ids[39] == f"{folder.name} train 39"


def test_a_mapped_file_is_never_written_to(folder):
    before = (folder / "x_train.npy").read_bytes()
    arrays.read(folder).train.inputs["vector"][:] = 0
    assert (folder / "x_train.npy").read_bytes() == before


def test_npy_files_with_python_objects_or_cut_short_are_refused(folder):
    whole = (folder / "x_train.npy").read_bytes()
    (folder / "x_train.npy").write_bytes(whole[:-8])
    with pytest.raises(DataError, match=r"x_train.npy: is damaged"):
        arrays.read(folder)
    np.save(folder / "x_train.npy", np.array([{"a": 1}] * 40), allow_pickle=True)
    with pytest.raises(DataError, match=r"x_train.npy: holds Python objects, which are never unpickled"):
        arrays.read(folder)


def test_a_folder_gives_the_same_examples_as_an_npz_file(folder, tmp_path):
    np.savez(tmp_path / "all.npz", **{file.stem: np.load(file) for file in folder.glob("*.npy")})
    from_folder, from_file = arrays.read(folder), arrays.read(tmp_path / "all.npz")
    assert from_folder.signature == from_file.signature
    assert fingerprint(from_folder) == fingerprint(from_file)
