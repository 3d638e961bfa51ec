"""Masks as rows, compared, stored beside a model, and drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.cli import pictures
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Mask
from zoo.contracts.tensors import TensorSpec
from zoo.data.masks import read_mask
from zoo.errors import UsageError
from zoo.runtime import golden
from zoo.runtime.answers import distance, faults, rows
from zoo.runtime.batches import concatenate, gather, is_ragged
from zoo.runtime.drawing import draw_mask, draw_numbers

TARGET = Mask(("background", "disc", "square"))
TOLERANCE = {"margin": (1e-3,)}


def answers(masks, margins):
    return {"mask": gather([np.array(each, np.uint8) for each in masks]), "margin": gather(margins)}


@pytest.fixture
def expected():
    """Two pictures of differing sizes; one pixel of the second is a tie."""
    return answers(
        [[[0, 1, 2]], [[0, 0], [1, 255]]],
        [np.array([[0.9, 0.5, 0.7]]), np.array([[0.9, 0.001], [0.8, 0.0]])],
    )


def test_a_row_says_which_share_of_the_seen_pixels_each_label_has(expected):
    first, second = rows(TARGET, expected)
    assert first == {"shares": {"background": 1 / 3, "disc": 1 / 3, "square": 1 / 3}}
    assert second == {"shares": {"background": 2 / 3, "disc": 1 / 3, "square": 0.0}}


def test_pictures_of_one_size_are_one_array_and_others_an_array_of_arrays():
    one, two, other = np.zeros((2, 3)), np.ones((2, 3)), np.zeros((4, 5))
    assert gather([one, two]).shape == (2, 2, 3)
    ragged = gather([one, other])
    assert is_ragged(ragged)
    assert concatenate([np.stack([one, two]), ragged]).shape == (4,)
    assert concatenate([one[np.newaxis], two[np.newaxis]]).shape == (2, 2, 3)
    assert [each.shape for each in concatenate([one[np.newaxis], other[np.newaxis]])] == [(2, 3), (4, 5)]
    assert not is_ragged(np.array(["a", "b"], object))


def changed(expected, example, place, label, margin=None):
    masks, margins = ([np.array(each) for each in expected[name]] for name in ("mask", "margin"))
    masks[example][place] = label
    if margin is not None:
        margins[example][place] = margin
    return answers(masks, margins)


def test_equal_masks_have_no_fault_and_a_tie_may_be_decided_either_way(expected):
    assert not list(faults(TARGET, expected, expected, TOLERANCE))
    assert not list(faults(TARGET, expected, changed(expected, 1, (0, 1), 2), TOLERANCE))


def test_a_pixel_that_is_no_tie_is_named_with_both_labels(expected):
    (fault,) = faults(TARGET, expected, changed(expected, 1, (1, 0), 2), TOLERANCE)
    assert (fault.output, fault.example) == ("mask", 1)
    assert fault.message == "1 of 4 pixels; in row 1, column 0: expected disc, found square"


def test_a_label_where_the_network_saw_nothing_is_a_fault(expected):
    (fault,) = faults(TARGET, expected, changed(expected, 1, (1, 1), 0), TOLERANCE)
    assert "expected number 255, found background" in fault.message
    (fault,) = faults(TARGET, expected, changed(expected, 1, (0, 1), 255), TOLERANCE)
    assert "expected background, found number 255" in fault.message


def test_a_margin_that_is_too_far_off_and_another_size_are_faults(expected):
    (fault,) = faults(TARGET, expected, changed(expected, 0, (0, 1), 1, margin=0.6), TOLERANCE)
    assert (fault.output, fault.example) == ("margin", 0)
    assert fault.message.startswith("value 1: expected 0.5, found 0.6: error 0.1")
    other = answers([[[0, 1, 2]], [[0, 0]]], [np.zeros((1, 3)), np.zeros((1, 2))])
    (first, second) = faults(TARGET, expected, other, TOLERANCE)
    assert {first.output, second.output} == {"mask", "margin"}
    assert first.message == "expected shape [[1, 3], [2, 2]], found [[1, 3], [1, 2]]"


def test_distances_of_pictures_of_differing_sizes_are_those_of_their_pixels(expected):
    moved = gather([expected["margin"][0] + 0.25, expected["margin"][1] - 0.5])
    assert distance(expected["margin"], moved).max(axis=1) == pytest.approx([0.25, 0.5])


def test_golden_masks_of_differing_sizes_come_back_as_they_were(expected):
    images = [np.full((1, 3, 3), 7, np.uint8), np.full((2, 2, 3), 9, np.uint8)]
    signature = Signature((TensorSpec("image", "image", "uint8", (None, None, 3)),), TARGET)
    columns, found = golden.unpack(golden.pack({"image": images}, expected), signature)
    assert [each.shape for each in columns["image"]] == [(1, 3, 3), (2, 2, 3)]
    assert not list(faults(TARGET, expected, found, {"margin": (0.0,)}))
    assert not list(faults(TARGET, found, expected, {"margin": (0.0,)}))


def decoded(content):
    with Image.open(io.BytesIO(content)) as opened:
        return opened.mode, np.array(opened), opened.copy()


def test_a_picture_is_drawn_in_the_colours_of_its_labels_but_for_the_background():
    picture = np.full((120, 60, 1), 100, np.uint8)
    mask = np.zeros((120, 60), np.uint8)
    mask[110:, :30] = 1
    mask[110:, 30:] = 2
    mask[100:110] = 255
    _, pixels, _ = decoded(draw_mask(picture, mask, labels=TARGET.labels))
    assert (pixels[100:110] == 100).all()
    assert (pixels[90, 55] == 100).all()
    disc, square = pixels[115, 5], pixels[115, 55]
    assert (disc != square).any()
    assert (pixels[:8, :8] != 100).any()  # the legend
    alone = decoded(draw_mask(picture, np.zeros_like(mask), labels=TARGET.labels))[1]
    assert (alone == 100).all()


def test_a_mask_is_written_as_numbers_with_a_palette_that_the_reader_reads_back(tmp_path):
    mask = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
    content = draw_numbers(mask, num_labels=3)
    assert decoded(content)[0] == "P"
    assert decoded(content)[2].convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    (tmp_path / "a.png").write_bytes(content)
    assert np.array_equal(read_mask(tmp_path / "a.png"), mask)


def test_files_of_masks_are_named_before_the_first_is_written(tmp_path):
    assert pictures.mask_files(["a/1.jpg", "a/2.jpg"], None, tmp_path) == [
        tmp_path / "1.png",
        tmp_path / "2.png",
    ]
    assert pictures.mask_files(["a/1.jpg", "b/1.jpg"], None, None) == [None, None]
    with pytest.raises(UsageError, match=r"--out: 1\.png would be written twice"):
        pictures.mask_files(["a/1.jpg", "b/1.jpg"], None, tmp_path)
    with pytest.raises(UsageError, match="--draw takes one picture, not 2") as caught:
        pictures.mask_files(["1.jpg", "2.jpg"], tmp_path / "a.png", None)
    assert caught.value.fix == "--out FOLDER writes the mask of each of them"
