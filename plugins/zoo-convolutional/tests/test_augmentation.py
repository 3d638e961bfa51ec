"""Random changes in training: whatever happens to a picture happens to its boxes."""

import pytest
import torch

from zoo_convolutional.augmentation import Scene, flip, recolour, zoom

HEIGHT, WIDTH = 48, 64


def scene_of(boxes, num_pictures=32):
    """The same bright rectangles on black in every picture, one channel an object."""
    pictures = torch.zeros(num_pictures, len(boxes), HEIGHT, WIDTH)
    for channel, (left, top, right, bottom) in enumerate(boxes):
        pictures[:, channel, top:bottom, left:right] = 1
    labels = torch.arange(len(boxes)).repeat(num_pictures, 1)
    return Scene(pictures, labels, torch.tensor(boxes).float().repeat(num_pictures, 1, 1))


def bright_box(picture):
    """Left, top, right and bottom of what is bright in ``[height, width]``."""
    rows, columns = (picture > 0.5).any(1).nonzero(), (picture > 0.5).any(0).nonzero()
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("horizontal", "vertical"), [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_flipped_boxes_stay_on_their_objects(horizontal, vertical):
    scene = flip(scene_of([[2, 3, 20, 11], [40, 30, 64, 48]]), horizontal=horizontal, vertical=vertical)
    for picture, boxes in zip(scene.pictures, scene.boxes, strict=True):
        for channel, box in zip(picture, boxes, strict=True):
            assert bright_box(channel) == box.tolist()


def test_a_flip_happens_as_often_as_it_is_said_to():
    before = scene_of([[2, 3, 20, 11]], num_pictures=2000)
    after = flip(before, horizontal=0.25, vertical=0.0)
    share = (after.boxes[:, 0, 0] != 2).float().mean().item()
    assert share == pytest.approx(0.25, abs=0.04)
    assert torch.equal(flip(before, horizontal=0.0, vertical=0.0).pictures, before.pictures)


def test_the_same_random_state_flips_the_same_pictures():
    scene = scene_of([[2, 3, 20, 11]])
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        results.append(flip(scene, horizontal=0.5, vertical=0.5).boxes)
    assert torch.equal(*results)


def test_zoomed_boxes_stay_on_their_objects():
    before = scene_of([[20, 14, 44, 34]], num_pictures=64)
    after = zoom(before, scale=0.5)
    for picture, box in zip(after.pictures, after.boxes, strict=True):
        assert bright_box(picture[0]) == pytest.approx(box[0].tolist(), abs=1)
    widths = after.boxes[:, 0, 2] - after.boxes[:, 0, 0]
    assert widths.min() < 20
    assert widths.max() > 30


def test_a_zoom_keeps_the_shape_of_what_is_wholly_visible():
    after = zoom(scene_of([[24, 18, 40, 26]], num_pictures=64), scale=0.2)
    sizes = after.boxes[:, 0, 2:] - after.boxes[:, 0, :2]
    torch.testing.assert_close(sizes[:, 0], 2 * sizes[:, 1])


def test_an_object_that_a_zoom_moves_out_of_the_picture_is_dropped():
    after = zoom(scene_of([[0, 0, 12, 12]], num_pictures=200), scale=1.5)
    assert {-1, 0} == set(after.labels.flatten().tolist())
    assert after.boxes.min() >= 0
    assert (after.boxes[..., 2] <= WIDTH).all()
    assert (after.boxes[..., 3] <= HEIGHT).all()
    for picture, label, box in zip(after.pictures, after.labels, after.boxes, strict=True):
        # A whole one of 12 x 12 pixels that is enlarged has 144 pixels or more.
        if label == -1:
            assert (picture > 0.5).sum() < 0.3 * 144 * 2.5**2 + 24
        else:
            assert bright_box(picture[0]) == pytest.approx(box[0].tolist(), abs=1)


def test_what_was_no_object_stays_none():
    scene = scene_of([[20, 14, 44, 34]])._replace(labels=torch.full((32, 1), -1))
    assert set(zoom(flip(scene), scale=0.5).labels.flatten().tolist()) == {-1}


def test_recolouring_scales_and_shifts_channels_and_leaves_objects_alone():
    before = Scene(torch.randn(16, 3, 8, 8), torch.zeros(16, 1, dtype=torch.int64), torch.zeros(16, 1, 4))
    after = recolour(before, strength=0.2)
    assert torch.equal(after.boxes, before.boxes)
    changed = after.pictures - after.pictures.mean((2, 3), keepdim=True)
    original = before.pictures - before.pictures.mean((2, 3), keepdim=True)
    gains = (changed * original).sum((2, 3)) / original.square().sum((2, 3))
    torch.testing.assert_close(changed, original * gains[..., None, None], rtol=1e-4, atol=1e-5)
    assert gains.min() >= 0.8 - 1e-5
    assert gains.max() <= 1.2 + 1e-5
    assert gains.std() > 0.05


def test_double_precision_stays_double_precision():
    scene = scene_of([[20, 14, 44, 34]])
    scene = Scene(scene.pictures.double(), scene.labels, scene.boxes.double())
    changed = recolour(zoom(flip(scene, vertical=0.5), scale=0.3), strength=0.1)
    assert changed.pictures.dtype == changed.boxes.dtype == torch.float64
