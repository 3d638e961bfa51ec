"""Locations, and which object each of them answers for."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_convolutional.assignment import assign, centreness
from zoo_convolutional.locations import boxes_around, distances_to_sides, grid_locations


def assigned(boxes, labels, *, side=32, strides=(8,), **options):
    """Labels of one picture's locations, and the whole assignment."""
    locations = grid_locations(side, side, strides)
    given_boxes = torch.tensor(boxes, dtype=torch.float32).reshape(1, len(boxes), 4)
    result = assign(locations, torch.tensor([labels], dtype=torch.int64), given_boxes, **options)
    return result.labels[0].tolist(), result


def test_locations_are_the_middles_of_cells_row_by_row():
    locations = grid_locations(16, 24, (8,))
    assert locations.centres.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
    assert locations.strides.tolist() == [8.0] * 6


def test_levels_follow_each_other_and_a_part_of_a_cell_is_a_cell():
    locations = grid_locations(17, 16, (8, 16))
    assert locations.strides.tolist() == [8.0] * 6 + [16.0] * 2
    assert locations.centres[-2:].tolist() == [[8, 8], [8, 24]]


def test_distances_to_the_sides_and_back():
    centres = torch.tensor([[10.0, 20.0]])
    distances = distances_to_sides(centres, torch.tensor([[4.0, 15.0, 30.0, 21.0]]))
    assert distances.tolist() == [[6, 5, 20, 1]]
    assert boxes_around(centres, distances).tolist() == [[4, 15, 30, 21]]


def test_the_middle_of_an_object_answers_and_its_margin_does_not():
    labels, _ = assigned([[0, 0, 32, 32]], [2])
    # Offsets from the middle (16, 16) are 4 and 12 pixels; one and a half strides are 12.
    assert labels == [-1, -1, -1, -1, -1, 2, 2, -1, -1, 2, 2, -1, -1, -1, -1, -1]


def test_a_larger_radius_takes_more_of_the_object():
    labels, _ = assigned([[0, 0, 32, 32]], [2], radius=1.6)
    assert labels == [2] * 16


def test_a_location_outside_the_box_never_answers():
    labels, _ = assigned([[0, 0, 32, 11]], [0], radius=10)
    assert labels == [0] * 4 + [-1] * 12


def test_where_objects_overlap_the_smallest_is_answered_for():
    labels, result = assigned([[0, 0, 32, 32], [8, 8, 16, 16]], [0, 1])
    assert (labels[5], labels[6], labels[9], labels[10]) == (1, 0, 0, 0)
    assert result.boxes[0, 5].tolist() == [8, 8, 16, 16]
    assert result.boxes[0, 6].tolist() == [0, 0, 32, 32]


@pytest.mark.parametrize(("size", "stride"), [(40, 8), (160, 16), (300, 32)])
def test_each_size_has_its_level(size, stride):
    low, high = 160 - size / 2, 160 + size / 2
    labels, _ = assigned([[low, low, high, high]], [0], side=320, strides=(8, 16, 32))
    strides = grid_locations(320, 320, (8, 16, 32)).strides
    answering = strides[torch.tensor(labels) == 0]
    assert len(answering) > 0
    assert answering.unique().tolist() == [stride]


def test_a_single_level_takes_every_size():
    for size in (12, 300):
        low, high = 156 - size / 2, 156 + size / 2
        labels, _ = assigned([[low, low, high, high]], [0], side=320)
        assert 0 in labels


def test_a_shorter_reach_sends_an_object_to_the_next_level():
    labels, _ = assigned([[12, 12, 52, 52]], [0], side=64, strides=(8, 16), reach=2)
    assert set(labels[:64]) == {-1}
    assert 0 in labels[64:]


def test_a_picture_without_objects_is_all_background():
    for boxes, labels in (([], []), ([[0, 0, 32, 32]], [-1])):
        found, result = assigned(boxes, labels)
        assert found == [-1] * 16
        assert result.qualities.sum() == 0
        assert result.boxes.isfinite().all()


def test_centreness_is_one_in_the_middle_and_zero_on_a_side():
    distances = torch.tensor([[5.0, 3.0, 5.0, 3.0], [0.0, 3.0, 10.0, 3.0], [4.0, 1.0, 6.0, 9.0]])
    expected = torch.tensor([1.0, 0.0, math.sqrt(4 / 6 * 1 / 9)])
    torch.testing.assert_close(centreness(distances), expected)


def test_the_quality_that_is_asked_for_is_the_centreness_in_the_own_box():
    _, result = assigned([[0, 0, 32, 32]], [0])
    # Location (12, 12): 12 to the left and the top, 20 to the right and the bottom.
    assert result.qualities[0, 5].item() == pytest.approx(12 / 20)
    assert result.qualities[0, 0].item() == 0


def expected_object(x, y, stride, level, strides, boxes, radius, reach):
    """The rule in words, one location and one object at a time."""
    best, best_area = None, math.inf
    for number, (left, top, right, bottom) in enumerate(boxes):
        sides = (x - left, y - top, right - x, bottom - y)
        offset = max(abs(x - (left + right) / 2), abs(y - (top + bottom) / 2))
        lower = 0 if level == 0 else strides[level - 1] * reach
        upper = math.inf if level == len(strides) - 1 else stride * reach
        area = (right - left) * (bottom - top)
        may = min(sides) > 0 and offset < radius * stride and lower < max(sides) <= upper
        if may and area < best_area:
            best, best_area = number, area
    return best


@settings(max_examples=40, deadline=None)
@given(
    corners=st.lists(
        st.tuples(st.integers(0, 90), st.integers(0, 60), st.integers(1, 90), st.integers(1, 60)), max_size=6
    ),
    strides=st.sampled_from([(4,), (8,), (8, 16), (4, 16), (8, 16, 32)]),
    radius=st.sampled_from([0.7, 1.5, 3.0]),
    reach=st.sampled_from([2.0, 4.0, 8.0]),
)
def test_every_location_answers_as_the_rule_says(corners, strides, radius, reach):
    boxes = [(left, top, left + width, top + height) for left, top, width, height in corners]
    locations = grid_locations(60, 90, strides)
    result = assign(
        locations,
        torch.arange(len(boxes)).unsqueeze(0),
        torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4),
        radius=radius,
        reach=reach,
    )
    for place, (centre, stride) in enumerate(zip(locations.centres, locations.strides, strict=True)):
        level = strides.index(int(stride))
        best = expected_object(*centre.tolist(), stride.item(), level, strides, boxes, radius, reach)
        assert result.labels[0, place].item() == (-1 if best is None else best)
        if best is not None:
            assert tuple(result.boxes[0, place].tolist()) == boxes[best]
