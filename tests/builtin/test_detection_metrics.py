import numpy as np
import pytest
import torch

from zoo.builtin.detection_metrics import mean_average_precision, mean_average_precision_50
from zoo.contracts.examples import Objects
from zoo.contracts.targets import Boxes

TARGET = Boxes(("cat", "dog"))


def truth(*objects, crowd=()):
    labels = tuple(label for label, _ in objects)
    boxes = np.array([box for _, box in objects], np.float64).reshape(-1, 4)
    return Objects(labels, boxes, np.array(crowd or [False] * len(objects), bool))


def answers(*pictures):
    num = 4
    boxes, scores = np.zeros((len(pictures), num, 4), np.float32), np.zeros((len(pictures), num), np.float32)
    labels = np.full((len(pictures), num), "", object)
    for place, objects in enumerate(pictures):
        for row, (label, score, box) in enumerate(objects):
            boxes[place, row], scores[place, row], labels[place, row] = box, score, label
    counts = np.array([len(objects) for objects in pictures])
    return {"boxes": boxes, "labels": labels, "scores": scores, "num_objects": counts}


def figure(metric, given, *true):
    metric.update(given, np.array([*true, None], object)[:-1])
    return float(metric.compute())


def test_exact_boxes_have_a_precision_of_one():
    given = answers([("cat", 0.9, (10, 10, 50, 50))], [("dog", 0.8, (0, 0, 30, 20))])
    true = truth(("cat", (10, 10, 50, 50))), truth(("dog", (0, 0, 30, 20)))
    assert figure(mean_average_precision(TARGET), given, *true) == pytest.approx(1.0)
    assert figure(mean_average_precision_50(TARGET), given, *true) == pytest.approx(1.0)


def test_an_overlap_counts_at_the_thresholds_below_it():
    # 31 of 40 rows: the overlap is 0.775, which passes 0.5, 0.55 ... 0.75: 6 of 10 thresholds.
    given = answers([("cat", 0.9, (0, 0, 40, 31))])
    true = truth(("cat", (0, 0, 40, 40)))
    assert figure(mean_average_precision(TARGET), given, true) == pytest.approx(0.6, abs=1e-6)
    assert figure(mean_average_precision_50(TARGET), given, true) == pytest.approx(1.0)


def test_a_false_alarm_before_the_right_box_halves_the_precision():
    given = answers([("cat", 0.9, (100, 100, 140, 140)), ("cat", 0.5, (0, 0, 40, 40))])
    assert figure(mean_average_precision_50(TARGET), given, truth(("cat", (0, 0, 40, 40)))) == pytest.approx(
        0.5, abs=1e-3
    )


def test_a_crowd_is_neither_missed_nor_found():
    given = answers([("cat", 0.9, (0, 0, 40, 40)), ("cat", 0.8, (60, 60, 100, 100))])
    true = truth(("cat", (0, 0, 40, 40)), ("cat", (50, 50, 120, 120)), crowd=[False, True])
    assert figure(mean_average_precision_50(TARGET), given, true) == pytest.approx(1.0)


def test_without_an_object_there_is_no_figure():
    assert np.isnan(figure(mean_average_precision(TARGET), answers([]), truth()))


def test_a_reset_metric_starts_anew():
    metric = mean_average_precision_50(TARGET)
    figure(metric, answers([("cat", 0.9, (0, 0, 5, 5))]), truth(("cat", (50, 50, 90, 90))))
    metric.reset()
    assert figure(
        metric, answers([("cat", 0.9, (0, 0, 40, 40))]), truth(("cat", (0, 0, 40, 40)))
    ) == pytest.approx(1.0)
    assert isinstance(metric.compute(), torch.Tensor)
