"""Losses and metrics of masks, against torch's formula and against values worked by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from zoo.builtin.losses import CrossEntropy
from zoo.contracts.targets import Mask
from zoo.errors import UsageError
from zoo.training.metrics import Meter
from zoo.training.reduction import reduce

TARGET = Mask(("ground", "road", "tree"))


@pytest.fixture
def pixels():
    random = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 3, 4, 5, generator=random, dtype=torch.float64)
    truth = torch.randint(0, 3, (2, 4, 5), generator=random)
    truth[0, 1:] = -100  # the two pictures have different numbers of known pixels
    return scores, truth


def mean(loss):
    total, count = reduce(loss)
    return total / count


def test_the_mean_over_known_pixels_is_that_of_torch(pixels):
    scores, truth = pixels
    for smoothing in (0.0, 0.1):
        expected = F.cross_entropy(scores, truth, label_smoothing=smoothing)
        torch.testing.assert_close(mean(CrossEntropy(label_smoothing=smoothing)(scores, truth)), expected)


def test_with_class_weights_the_mean_is_that_of_torch(pixels):
    scores, truth = pixels
    expected = F.cross_entropy(scores, truth, weight=torch.tensor([1.0, 0.0, 4.0], dtype=torch.float64))
    values, weights = CrossEntropy(class_weights=(1.0, 0.0, 4.0))(scores, truth)
    plain = F.cross_entropy(scores, truth, reduction="none")
    torch.testing.assert_close(values, plain)
    torch.testing.assert_close(mean((values, weights)), expected)
    assert not weights[truth == -100].any()
    with pytest.raises(UsageError, match="has 2 weights, but the network emits 3 scores"):
        CrossEntropy(class_weights=(1.0, 2.0))(scores, truth)


def test_a_pixel_that_is_not_known_moves_nothing(pixels):
    scores, truth = pixels
    scores.requires_grad_()
    values, weights = CrossEntropy()(scores, truth)
    (values * weights).sum().backward()
    assert not scores.grad[0, :, 1:].any()
    assert scores.grad[0, :, :1].abs().min() > 0


def figures(registry, names, answers, truth, target=TARGET):
    meter = Meter(registry, names, target)
    meter.update({"mask": answers}, truth)
    return meter.compute()


def test_overlap_over_union_is_that_of_all_pixels_at_once(registry):
    """Ground: 2 of 4 pixels that either has; road: 3 of 5. The pixel that is not known counts nowhere."""
    truth = [np.array([[0, 0, 1], [1, 1, 255]], np.uint8), np.array([[0, 1]], np.uint8)]
    answers = [np.array([[0, 1, 1], [1, 0, 2]], np.uint8), np.array([[0, 1]], np.uint8)]
    found = figures(registry, ("mean_iou", "iou", "accuracy"), answers, truth)
    assert found["iou[ground]"] == pytest.approx(2 / 4)
    assert found["iou[road]"] == pytest.approx(3 / 5)
    assert math.isnan(found["iou[tree]"])
    assert found["mean_iou"] == pytest.approx((2 / 4 + 3 / 5) / 2)
    assert found["accuracy"] == pytest.approx(5 / 7)


def test_a_label_that_is_only_answered_counts_as_wrong(registry):
    found = figures(registry, ("mean_iou",), [np.array([[0, 2]], np.uint8)], [np.array([[0, 1]], np.uint8)])
    assert found["mean_iou"] == pytest.approx((1 + 0 + 0) / 3)


def test_what_the_network_did_not_see_of_a_picture_is_not_judged(registry):
    found = figures(
        registry, ("mean_iou", "accuracy"), [np.array([[255, 0, 1, 255]])], [np.array([[1, 0, 1, 0]])]
    )
    assert found == {"mean_iou": 1.0, "accuracy": 1.0}


def test_batches_are_judged_as_the_whole(registry):
    random = np.random.default_rng(0)
    truth = [random.integers(0, 3, (random.integers(2, 9), 5), np.uint8) for _ in range(8)]
    answers = [random.integers(0, 3, each.shape, np.uint8) for each in truth]
    meter = Meter(registry, ("mean_iou", "accuracy"), TARGET)
    for start in (0, 3, 6):
        meter.update({"mask": answers[start : start + 3]}, truth[start : start + 3])
    assert meter.compute() == figures(registry, ("mean_iou", "accuracy"), answers, truth)
