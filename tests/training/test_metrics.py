import numpy as np
import pytest
import torch

from zoo.contracts.targets import Binary, Classes, Labels, Values
from zoo.training.metrics import compute, encode_truth

CLASSES = Classes(("ape", "bee", "cat"))


def test_truth_is_encoded_as_metrics_take_it():
    labels = np.array(["cat", "ape"], dtype=object)
    assert encode_truth(CLASSES, labels).tolist() == [2, 0]
    assert encode_truth(Binary(("no", "yes")), np.array(["yes", "no"], dtype=object)).tolist() == [1, 0]
    assert encode_truth(Labels(("a", "b")), np.array([[True, False]])).tolist() == [[1, 0]]
    assert encode_truth(Values(("x",)), np.array([[0.1]])).dtype == torch.float64


def test_classes_are_judged_by_the_label_that_is_answered(registry):
    answers = {"label": np.array(["ape", "cat", "ape"], dtype=object)}
    truth = np.array(["ape", "cat", "bee"], dtype=object)
    assert compute(registry, ["accuracy"], CLASSES, answers, truth) == {"accuracy": pytest.approx(2 / 3)}


def test_values_are_judged_in_their_own_unit(registry):
    answers = {"values": np.array([[100.0], [300.0]], np.float32)}
    found = compute(
        registry, ["rmse", "mae", "r2"], Values(("price",)), answers, np.array([[110.0], [270.0]])
    )
    # Errors of 10 and 30: root of 500, mean 20; variance about the mean 190 is 6400, so 1 - 500 / 6400.
    assert found == {
        "rmse": pytest.approx(500**0.5),
        "mae": pytest.approx(20.0),
        "r2": pytest.approx(1 - 500 / 6400),
    }
