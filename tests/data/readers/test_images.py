import numpy as np
import pytest
from PIL import Image

from zoo.contracts.targets import Binary, Classes
from zoo.contracts.tensors import TensorSpec
from zoo.data.readers import images
from zoo.errors import DataError


@pytest.fixture
def photos(tmp_path):
    """Makes class folders of small pictures."""

    def make(*names, mode="RGB"):
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            colour = number + 1 if mode == "L" else (number + 1, 0, 90)
            Image.new(mode, (4 + number, 3), colour).save(path)
        return tmp_path

    return make


def test_class_folders_are_labels(photos):
    path = photos("cat/1.png", "dog/deep/2.png", "cow/3.jpg")
    splits = images.read(path)
    assert images.refuses(path) == ""
    assert splits.signature.target == Classes(("cat", "cow", "dog"))
    assert splits.signature.inputs == (TensorSpec("image", "image", "uint8", (None, None, 3)),)
    assert splits.train.target.tolist() == ["cat", "cow", "dog"]
    assert splits.train.ids == ["cat/1.png", "cow/3.jpg", "dog/deep/2.png"]
    assert splits.train.inputs["image"][2].shape == (3, 5, 3)
    assert splits.validation is None
    assert splits.test is None


def test_two_class_folders_are_binary_unless_classes_are_wanted(photos):
    path = photos("ok/1.png", "broken/2.png")
    assert images.read(path).signature.target == Binary(("broken", "ok"))
    assert images.read(path, target_type="classes").signature.target == Classes(("broken", "ok"))


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "dev"])
def test_folders_of_splits_are_splits(photos, validation):
    path = photos("train/a/1.png", "train/b/2.png", f"{validation}/a/3.png", "test/b/4.png")
    splits = images.read(path)
    assert splits.train.ids == ["train/a/1.png", "train/b/2.png"]
    assert splits.validation.ids == [f"{validation}/a/3.png"]
    assert splits.test.target.tolist() == ["b"]


def test_a_class_may_be_called_train(photos):
    splits = images.read(photos("train/1.png", "bus/2.png", "car/3.png"))
    assert splits.signature.target.labels == ("bus", "car", "train")


def test_pictures_are_grey_when_all_are(photos):
    path = photos("a/1.png", "b/2.png", mode="L")
    assert images.read(path).signature.inputs[0].shape == (None, None, 1)
    assert images.read(path, channels=3).signature.inputs[0].shape == (None, None, 3)
    Image.new("RGB", (3, 3), (1, 2, 3)).save(path / "b" / "3.png")
    assert images.read(path).signature.inputs[0].shape == (None, None, 3)


def test_one_class_folder_is_a_class_as_is_a_folder_of_nothing_but_pictures(photos):
    assert images.read(photos("cat/1.png", "cat/2.png")).signature.target.labels == ("cat",)
    flat = photos("flat/1.png", "flat/2.png") / "flat"
    assert images.refuses(flat) == ""
    splits = images.read(flat)
    assert splits.signature.target.labels == ("flat",)
    assert splits.train.ids == ["1.png", "2.png"]


def test_a_class_folder_without_pictures_is_named(photos):
    path = photos("cat/1.png", "dog/2.png")
    (path / "cow").mkdir()
    with pytest.raises(DataError, match="class folders without pictures: cow"):
        images.read(path)


def test_pictures_beside_the_class_folders_are_named(photos):
    with pytest.raises(DataError, match=r"1 pictures are in no class folder, for example stray\.png"):
        images.read(photos("cat/1.png", "dog/2.png", "stray.png"))


def test_a_class_that_only_the_test_split_has_is_refused(photos):
    with pytest.raises(DataError, match=r"test/cow/3\.png: label 'cow' does not occur in the training data"):
        images.read(photos("train/cat/1.png", "train/dog/2.png", "test/cow/3.png"))


def test_two_folders_for_one_split_are_refused(photos):
    with pytest.raises(DataError, match="several folders hold the same split"):
        images.read(photos("train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"))


def test_it_says_why_it_cannot_read(photos, tmp_path):
    assert images.refuses(tmp_path) == "holds no folder with pictures in it"
    (photos("a.png") / "a.txt").touch()
    assert images.refuses(tmp_path) == "its pictures are not in folders, one a class"
    assert images.refuses(tmp_path / "a.png") == "not a folder"


def test_a_folder_is_read_like_the_training_data(photos):
    path = photos("train/cat/1.png", "train/dog/2.png", "new/dog/3.png")
    signature = images.read(path / "train", channels=1).signature
    examples = images.read_like(path / "new", signature, {})
    assert examples.target.tolist() == ["dog"]
    assert examples.inputs["image"][0].shape == (3, 6, 1)
    assert len(images.read_like(path / "train", signature, {})) == 2


def test_a_broken_picture_does_not_stop_reading_but_checking(photos):
    path = photos("cat/1.png", "dog/2.png")
    (path / "dog" / "3.png").write_text("no picture")
    splits = images.read(path)
    with pytest.raises(DataError, match=r"3\.png: is not an image"):
        splits.train.inputs["image"].check()


def test_a_folder_of_pictures_does_not_fit_a_table(photos):
    signature = images.read(photos("cat/1.png", "dog/2.png")).signature
    table = type(signature)((TensorSpec("mass", "number", "float64", ()),), signature.target)
    with pytest.raises(DataError, match="holds pictures, but the model takes mass"):
        images.read_like(photos("cat/1.png"), table, {})


def test_pixels_are_those_of_the_file(photos):
    splits = images.read(photos("cat/1.png", "dog/2.png"))
    np.testing.assert_array_equal(splits.train.inputs["image"][0], np.full((3, 4, 3), (1, 0, 90), np.uint8))
