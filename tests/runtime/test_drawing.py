import io

import numpy as np
import pytest
from PIL import Image

from zoo.runtime.drawing import draw_boxes, draw_grid, draw_picture


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_drawn_pixel_for_pixel(channels):
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, channels), np.uint8)
    assert np.array_equal(pixels(draw_picture(picture)).reshape(picture.shape), picture)


def test_a_grid_is_as_wide_as_high_and_shows_every_picture_in_order():
    pictures = np.stack([np.full((28, 28, 1), 40 * place, np.uint8) for place in range(5)])
    sheet = pixels(draw_grid(pictures))
    assert sheet.shape == (2 * 30 + 2, 3 * 30 + 2)
    assert [int(sheet[15, 15 + 30 * place]) for place in range(3)] == [0, 40, 80]
    assert [int(sheet[45, 15 + 30 * place]) for place in range(2)] == [120, 160]


def test_small_pictures_are_enlarged_and_columns_can_be_chosen():
    sheet = pixels(draw_grid(np.zeros((4, 8, 8, 3), np.uint8), columns=4))
    assert sheet.shape == (24 + 4, 4 * (24 + 2) + 2, 3)


def test_boxes_are_outlined_in_the_colour_of_their_label_and_lie_within_the_picture():
    picture = np.full((120, 160, 3), 255, np.uint8)
    found = [
        {"label": "cat", "score": 0.9, "box": [20.0, 30.0, 80.0, 100.0]},
        {"label": "dog", "score": 0.5, "box": [90.0, 0.0, 160.0, 60.0]},
    ]
    drawn = pixels(draw_boxes(picture, found, labels=("cat", "dog")))
    assert drawn.shape == picture.shape
    cat, dog = drawn[70, 20], drawn[40, 90]
    assert not np.array_equal(cat, dog)
    assert (drawn[65, 50] == 255).all()
    assert (cat != 255).any()


def test_a_picture_without_objects_stays_as_it_is():
    picture = np.full((20, 30, 1), 7, np.uint8)
    assert (pixels(draw_boxes(picture, [], labels=("cat",))) == 7).all()
