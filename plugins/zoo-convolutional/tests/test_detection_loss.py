"""The detector's loss against the papers' formulas, worked by hand, and against torchvision."""

import math

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from zoo_convolutional.assignment import Assigned
from zoo_convolutional.detection_loss import FocalGIoU, focal_loss, generalised_iou


def random_boxes(num_boxes, seed):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.rand(num_boxes, 2, generator=generator, dtype=torch.float64) * 20
    sizes = torch.rand(num_boxes, 2, generator=generator, dtype=torch.float64) * 20 + 0.1
    return torch.cat([starts, starts + sizes], 1)


def test_focal_loss_at_even_odds_is_the_formula_worked_by_hand():
    values = focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0]), 0.25, 2.0)
    # -a (1 - q)^2 log q with q = 1/2.
    torch.testing.assert_close(values, torch.tensor([0.25, 0.75]) * 0.25 * math.log(2))


def test_focal_loss_without_discount_is_weighted_cross_entropy():
    logits, truth = torch.tensor([-2.0, 0.5, 3.0]), torch.tensor([1.0, 0.0, 1.0])
    expected = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    weights = torch.tensor([0.3, 0.7, 0.3])
    torch.testing.assert_close(focal_loss(logits, truth, 0.3, 0.0), weights * expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_is_that_of_torchvision(gamma):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, generator=generator, dtype=torch.float64) * 4
    truth = (torch.rand(200, generator=generator) < 0.3).double()
    expected = sigmoid_focal_loss(logits, truth, alpha=0.25, gamma=gamma)
    torch.testing.assert_close(focal_loss(logits, truth, 0.25, gamma), expected)


def test_focal_loss_and_its_gradient_stay_finite_where_the_answer_is_certain():
    logits = torch.tensor([200.0, -200.0, 200.0, -200.0], requires_grad=True)
    values = focal_loss(logits, torch.tensor([1.0, 1.0, 0.0, 0.0]), 0.25, 0.5)
    values.sum().backward()
    assert values.tolist() == pytest.approx([0, 50, 150, 0])
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        ([1.0, 2.0, 4.0, 7.0], [1.0, 2.0, 4.0, 7.0], 1.0),
        ([0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 3.0, 3.0], 4 / 16),
        ([0.0, 0.0, 1.0, 1.0], [2.0, 0.0, 3.0, 1.0], 0 - 1 / 3),
        ([0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], 1 / 7 - 2 / 9),
        ([0.0, 0.0, 1.0, 1.0], [99.0, 99.0, 100.0, 100.0], 0 - (10000 - 2) / 10000),
    ],
    ids=["identical", "nested", "disjoint", "overlapping", "far apart"],
)
def test_generalised_iou_is_algorithm_1_worked_by_hand(box, other, expected):
    value = generalised_iou(torch.tensor(box), torch.tensor(other)).item()
    assert value == pytest.approx(expected, abs=1e-6)


def test_generalised_iou_is_that_of_torchvision():
    boxes, others = random_boxes(500, 1), random_boxes(500, 2)
    expected = 1 - generalized_box_iou_loss(boxes, others, eps=0.0)
    torch.testing.assert_close(generalised_iou(boxes, others), expected)


def test_boxes_without_area_have_finite_values_and_gradients():
    point = torch.tensor([3.0, 3.0, 3.0, 3.0], requires_grad=True)
    value = generalised_iou(point, torch.tensor([3.0, 3.0, 3.0, 3.0]))
    value.backward()
    assert value.isfinite()
    assert point.grad.isfinite().all()


def one_picture(labels, boxes, qualities):
    return Assigned(torch.tensor([labels]), torch.tensor([boxes]), torch.tensor([qualities]))


EMPTY = [0.0, 0.0, 0.0, 0.0]


def test_the_value_of_a_picture_is_the_three_losses_over_its_locations_with_objects():
    target = one_picture([1, -1, 0], [[0.0, 0.0, 4.0, 4.0], EMPTY, [0.0, 0.0, 1.0, 1.0]], [0.5, 0.0, 1.0])
    given = torch.tensor([[[1.0, 1.0, 3.0, 3.0], [5.0, 5.0, 9.0, 9.0], [2.0, 0.0, 3.0, 1.0]]])
    values, weights = FocalGIoU()((torch.zeros(1, 3, 2), given, torch.zeros(1, 3)), target)
    focal = (2 * 0.25 + 4 * 0.75) * 0.25 * math.log(2)
    boxes = (1 - 1 / 4) + (1 + 1 / 3)
    qualities = 2 * math.log(2)
    assert weights.tolist() == [2.0]
    assert values.tolist() == pytest.approx([(focal + boxes + qualities) / 2])


def test_the_weights_scale_the_losses_of_boxes_and_qualities():
    target = one_picture([0], [[0.0, 0.0, 4.0, 4.0]], [0.5])
    prediction = torch.zeros(1, 1, 1), torch.tensor([[[1.0, 1.0, 3.0, 3.0]]]), torch.zeros(1, 1)
    values, _ = FocalGIoU(alpha=0.5, gamma=1.0, box_weight=2.0, quality_weight=0.5)(prediction, target)
    assert values.item() == pytest.approx(0.5 * 0.5 * math.log(2) + 2 * 0.75 + 0.5 * math.log(2))


def test_a_picture_without_objects_costs_its_background_alone():
    target = one_picture([-1, -1], [EMPTY, EMPTY], [0.0, 0.0])
    boxes = torch.tensor([[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]], requires_grad=True)
    values, weights = FocalGIoU()((torch.zeros(1, 2, 3), boxes, torch.zeros(1, 2)), target)
    values.sum().backward()
    assert weights.tolist() == [1.0]
    assert values.item() == pytest.approx(6 * 0.75 * 0.25 * math.log(2))
    assert boxes.grad.abs().sum() == 0


def test_background_that_predicts_nonsense_leaves_no_trace_in_the_gradient():
    target = one_picture([0, -1], [[0.0, 0.0, 4.0, 4.0], EMPTY], [0.5, 0.0])
    boxes = torch.tensor([[[1.0, 1.0, 3.0, 3.0], [-math.inf, 0.0, math.inf, math.nan]]], requires_grad=True)
    values, _ = FocalGIoU()((torch.zeros(1, 2, 1), boxes, torch.zeros(1, 2)), target)
    values.sum().backward()
    assert values.isfinite().all()
    assert boxes.grad[0, 0].abs().sum() > 0
    assert boxes.grad[0, 1].tolist() == [0, 0, 0, 0]
