"""Pictures with masks: every layout that is read, and every mask that is refused, in words."""

import numpy as np
import pytest
from PIL import Image

from zoo.contracts.targets import Boxes, Mask
from zoo.data import fingerprint, take
from zoo.data.readers import recognise, segments
from zoo.errors import DataError

NUMBERS = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


def picture(path, size=(3, 2), colour=(200, 10, 10), **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **how)


def mask(path, numbers=NUMBERS, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = Image.fromarray(np.asarray(numbers, np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        drawn.putpalette([part for number in range(256) for part in (number, 255 - number, 7)])
    elif mode in ("RGB", "RGBA"):
        drawn = drawn.convert(mode)
    drawn.save(path)


@pytest.fixture
def cells(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "images" / f"{name}.jpg")
        mask(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def refusal(path):
    with pytest.raises(DataError) as caught:
        segments.read(path)
    return caught.value


def test_a_folder_of_pictures_beside_a_folder_of_masks_is_recognised(cells):
    assert recognise(cells).name == "masks"
    splits = segments.read(cells)
    assert splits.signature.target == Mask(("0", "1", "2"))
    assert splits.signature.inputs[0].shape == (None, None, 3)
    assert splits.train.ids == ["a.jpg", "b.jpg"]
    assert splits.validation is None
    assert np.array_equal(splits.train.target[1], NUMBERS)


def test_a_mask_with_a_palette_holds_its_numbers_and_not_its_colours(cells):
    mask(cells / "masks" / "a.png", mode="P")
    assert np.array_equal(segments.read(cells).train.target[0], NUMBERS)


def test_masks_of_nothing_but_black_and_white_have_two_labels(cells):
    for name, numbers in {"a": [[0, 255, 0], [0, 0, 255]], "b": np.zeros((2, 3))}.items():
        mask(cells / "masks" / f"{name}.png", numbers)
    splits = segments.read(cells)
    assert splits.signature.target == Mask(("0", "1"))
    assert splits.train.target[0].tolist() == [[0, 1, 0], [0, 0, 1]]
    (cells / "labels.txt").write_text("ground\nroad\n")
    assert segments.read(cells).signature.target == Mask(("ground", "road"))
    assert segments.read_like(cells, splits.signature, {}).target[0].tolist() == [[0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("name", ["labels.txt", "classes.txt", "class_names.txt"])
def test_a_text_file_names_the_numbers(cells, name):
    (cells / name).write_text("sky\nroad\ntree\nnever seen\n")
    assert segments.read(cells).signature.target.labels == ("sky", "road", "tree", "never seen")


def test_grey_pictures_have_one_channel_unless_the_user_says_otherwise(cells):
    for name in ("a", "b"):
        picture(cells / "images" / f"{name}.jpg", colour=(9, 9, 9))
    assert segments.read(cells).signature.inputs[0].shape[2] == 1
    assert segments.read(cells, channels=3).signature.inputs[0].shape[2] == 3


@pytest.mark.parametrize("layout", ["{role}/images/{name}", "images/{role}/{name}"])
def test_folders_named_after_splits_are_splits(tmp_path, layout):
    for role, name in (("train", "a"), ("val", "b"), ("test", "c")):
        place = layout.format(role=role, name=name)
        picture(tmp_path / f"{place}.png")
        mask(tmp_path / f"{place.replace('images', 'masks')}.png")
    (tmp_path / "labels.txt").write_text("x\ny\nz\n")
    splits = segments.read(tmp_path)
    assert [part.ids for part in (splits.train, splits.validation, splits.test)] == [
        ["a.png"],
        ["b.png"],
        ["c.png"],
    ]
    assert splits.signature.target.labels == ("x", "y", "z")


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "VOC"
    for name in ("a", "b", "unlabelled"):
        picture(root / "JPEGImages" / f"{name}.jpg")
    for name in ("a", "b"):
        mask(root / "SegmentationClass" / f"{name}.png", mode="P")
    return root


def test_pascal_voc_is_read_with_its_lists_and_without_pictures_that_have_no_mask(voc):
    assert segments.read(voc).train.ids == ["a.jpg", "b.jpg"]
    lists = voc / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("b\n")
    (lists / "val.txt").write_text("a\n")
    (lists / "trainval.txt").write_text("a\nb\n")
    splits = segments.read(voc)
    assert (splits.train.ids, splits.validation.ids, splits.test) == (["b.jpg"], ["a.jpg"], None)
    (lists / "train.txt").write_text("b\nunlabelled\n")
    assert "unlabelled: there is no mask of that name in SegmentationClass" in refusal(voc).message


def test_where_pascal_voc_has_boxes_too_its_folder_of_masks_asks_for_masks(voc):
    (voc / "Annotations").mkdir()
    (voc / "Annotations" / "a.xml").write_text("<annotation></annotation>")
    assert recognise(voc).name == "detections"
    assert recognise(voc / "SegmentationClass").name == "masks"
    assert segments.read(voc / "SegmentationClass").train.ids == ["a.jpg", "b.jpg"]


def test_a_picture_without_a_mask_and_a_mask_without_a_picture_are_both_named(cells):
    picture(cells / "images" / "c.jpg")
    mask(cells / "masks" / "d.png")
    error = refusal(cells)
    assert error.message.splitlines() == [
        "2 of 4 masks cannot be used:",
        "  c: there is no mask of that name in masks",
        "  d: there is no picture of that name in images",
    ]
    assert "one name; masks end in .bmp, .gif, .png" in error.fix


def test_a_mask_of_another_size_than_its_picture_is_named_with_both(cells):
    mask(cells / "masks" / "b.png", np.zeros((5, 4)))
    assert "  b.png: is 4 x 5, its picture 3 x 2" in refusal(cells).message


def test_the_size_is_that_of_the_picture_as_it_is_shown(cells):
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    picture(cells / "images" / "a.jpg", size=(2, 3), exif=exif)
    assert segments.read(cells).train.inputs["image"][0].shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("RGB", "a.png: is in colour without a palette (Pillow's mode RGB); a mask has one number a pixel"),
        ("RGBA", "a.png: is in colour without a palette (Pillow's mode RGBA)"),
        ("I;16", "a.png: has pixels of more than 8 bits"),
    ],
)
def test_a_picture_that_is_no_mask_is_refused_with_the_reason(cells, mode, words):
    mask(cells / "masks" / "a.png", mode=mode)
    assert words in refusal(cells).message


def test_a_damaged_mask_is_named(cells):
    (cells / "masks" / "a.png").write_bytes(b"not a picture")
    assert "  a.png: cannot be read as a mask" in refusal(cells).message


def test_a_number_without_a_name_is_refused_with_the_numbers_that_have_one(cells):
    (cells / "labels.txt").write_text("sky\nroad\n")
    error = refusal(cells)
    assert "  a.png: holds 2" in error.message
    assert error.fix.startswith("there are 2 labels, for the numbers 0 to 1; 255 is not known")


def test_masks_that_say_nothing_are_refused(cells):
    mask(cells / "masks" / "a.png", np.full((2, 3), 255))
    assert "  a.png: is 255 everywhere, which says that no pixel is known" in refusal(cells).message
    for name in ("a", "b"):
        mask(cells / "masks" / f"{name}.png", np.full((2, 3), 4))
    assert "every known pixel of the 2 masks is 4; there is nothing to tell apart" in refusal(cells).message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sky\nsky\n", "'sky' stands there twice"),
        ("sky\n\nroad\n", "it has 3 lines, or an empty one"),
        ("sky\n", "it has 1 lines"),
        ("\n".join(map(str, range(256))), "it has 256 lines"),
    ],
)
def test_names_that_name_no_labels_are_refused(cells, text, words):
    (cells / "labels.txt").write_text(text)
    error = refusal(cells)
    assert words in error.message
    assert error.fix == "name 2 to 255 labels, one a line, from number 0 on"


def test_no_more_than_twenty_masks_are_listed(cells):
    for place in range(30):
        picture(cells / "images" / f"c{place}.jpg")
    lines = refusal(cells).message.splitlines()
    assert lines[0] == "30 of 32 masks cannot be used:"
    assert (len(lines), lines[-1]) == (22, "  and 10 more")


def test_empty_folders_are_refused(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    assert "images and masks are empty" in refusal(tmp_path).message


def test_what_is_no_such_folder_is_refused_with_what_it_would_need(tmp_path):
    assert (
        segments.refuses(tmp_path)
        == "holds no folder images beside masks or JPEGImages beside SegmentationClass"
    )
    assert segments.refuses(tmp_path / "a.png") == "not a folder"


def test_other_data_is_read_as_examples_of_a_model(cells):
    signature = segments.read(cells).signature
    assert len(segments.read_like(cells, signature, {})) == 2
    mask(cells / "masks" / "a.png", [[0, 1, 2], [2, 3, 0]])
    with pytest.raises(DataError, match=r"a\.png: holds 3"):
        segments.read_like(cells, signature, {})
    with pytest.raises(DataError, match="holds pictures with masks, but the model answers boxes"):
        segments.read_like(cells, type(signature)(signature.inputs, Boxes(("cat",))), {})


def test_examples_are_chosen_with_their_masks_and_a_changed_mask_changes_the_fingerprint(cells):
    splits = segments.read(cells)
    before = fingerprint(splits)
    assert np.array_equal(take(splits.train, [1]).target[0], NUMBERS)
    mask(cells / "masks" / "a.png", NUMBERS[::-1])
    assert fingerprint(segments.read(cells)) != before
