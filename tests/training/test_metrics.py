import numpy as np
import pytest
import torch

from zoo.contracts.signature import Binary, Classes, Labels, Values
from zoo.training.metrics import compute, encode_truth, mean_loss

CLASSES = Classes(("ape", "bee", "cat"))


def test_truth_is_encoded_as_metrics_take_it():
    labels = np.array(["cat", "ape"], dtype=object)
    assert encode_truth(CLASSES, labels).tolist() == [2, 0]
    assert encode_truth(Binary(("no", "yes")), np.array(["yes", "no"], dtype=object)).tolist() == [1, 0]
    assert encode_truth(Labels(("a", "b")), np.array([[True, False]])).tolist() == [[1, 0]]
    assert encode_truth(Values(("x",)), np.array([[0.1]])).dtype == torch.float64


def test_classes_are_judged_by_their_probabilities(registry):
    answers = {"probabilities": np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32)}
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


def test_the_mean_loss_is_reduced_as_in_training():
    scores, target = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])
    assert mean_loss(lambda s, t: (s - t).square(), scores, target) == 2.5
    weights = torch.tensor([3.0, 1.0])
    assert mean_loss(lambda s, t: ((s - t).square(), weights), scores, target) == (3 * 1 + 1 * 4) / 4
