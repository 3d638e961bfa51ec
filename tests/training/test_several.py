import math

import numpy as np
import torch

from zoo.builtin.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, TokenCrossEntropy
from zoo.training.metrics import log_likelihoods
from zoo.training.objectives import SeveralLosses
from zoo.training.reduction import reduce


def test_several_losses_are_the_weighted_sum_averaged_over_examples():
    losses = SeveralLosses([CrossEntropy(), MeanSquaredError()], [1.0, 0.5])
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    values = torch.tensor([[1.0], [4.0]])
    total, count = reduce(losses((logits, values), (torch.tensor([0, 1]), torch.tensor([[3.0], [2.0]]))))
    expected = (-math.log(0.75) + 0.5 * 4.0 - math.log(0.5) + 0.5 * 4.0) / 2
    assert math.isclose(float(total / count), expected, rel_tol=1e-6)


def test_a_part_that_is_not_known_adds_nothing_and_gets_no_gradient():
    losses = SeveralLosses([CrossEntropy(), MeanSquaredError()], [1.0, 1.0])
    logits = torch.zeros(2, 2, requires_grad=True)
    values = torch.zeros(2, 1, requires_grad=True)
    found = losses((logits, values), (torch.tensor([-100, 1]), torch.tensor([[2.0], [math.nan]])))
    assert torch.allclose(found, torch.tensor([4.0, math.log(2.0)]))
    found.sum().backward()
    assert logits.grad[0].tolist() == [0.0, 0.0]
    assert values.grad[1].tolist() == [0.0]
    assert values.grad[0].tolist() == [-4.0]


def test_the_cost_of_labels_is_the_sum_over_labels_averaged_over_examples():
    random = np.random.default_rng(0)
    logits, truth = random.normal(size=(5, 4)), random.integers(0, 2, (5, 4))
    total, count = reduce(
        BinaryCrossEntropy()(torch.tensor(logits), torch.tensor(truth, dtype=torch.float64))
    )
    sigmoid = 1 / (1 + np.exp(-logits))
    by_hand = -(truth * np.log(sigmoid) + (1 - truth) * np.log(1 - sigmoid)).sum(axis=1).mean()
    assert math.isclose(float(total / count), by_hand, rel_tol=1e-12)


def test_a_label_that_is_not_known_is_left_out_of_the_cost_and_not_taken_for_no():
    logits = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    truth = torch.tensor([[1.0, math.nan], [0.0, 1.0]])
    values = BinaryCrossEntropy()(logits, truth)
    expected = [math.log1p(math.exp(-1.0)), math.log1p(math.exp(0.5)) + math.log1p(math.exp(-3.0))]
    assert torch.allclose(values, torch.tensor(expected))
    values.sum().backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 1] == 0


def test_the_loss_of_tokens_counts_those_that_something_follows():
    logits = torch.tensor([[[0.0, 0.0, math.log(2.0)], [0.0, 0.0, 0.0]]])
    values, weights = TokenCrossEntropy()(logits, torch.tensor([[2, 0]]))
    assert weights.tolist() == [[1.0, 0.0]]
    assert math.isclose(float(values[0, 0]), -math.log(0.5), rel_tol=1e-6)
    found = log_likelihoods(logits, torch.tensor([[2, 0]]))
    assert math.isclose(float(found[0, 0]), math.log(0.5), rel_tol=1e-6)
    assert found[0, 1].isnan()
