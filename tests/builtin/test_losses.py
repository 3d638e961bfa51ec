import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.builtin import losses
from zoo.errors import UsageError

CLASS_LOSSES = [
    losses.CrossEntropy(),
    losses.CrossEntropy(label_smoothing=0.1),
    losses.Focal(),
    losses.Focal(gamma=0.5),
    losses.Hinge(),
    losses.KullbackLeibler(),
    losses.KullbackLeibler(label_smoothing=0.1),
]
YES_NO_LOSSES = [
    losses.BinaryCrossEntropy(),
    losses.Focal(alpha=0.25),
    losses.Focal(gamma=0.5),
    losses.Hinge(margin=0.7),
    losses.KullbackLeibler(label_smoothing=0.1),
]
VALUE_LOSSES = [
    losses.MeanSquaredError(),
    losses.MeanAbsoluteError(),
    losses.Huber(delta=0.7),
    losses.PoissonNLL(),
    losses.GaussianNLL(variance=0.3),
]
LOGITS = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0], [-2.0, 1.5, 1.0], [0.0, 0.0, 0.0]])
CLASSES = np.array([0, 2, 1, 1])
YES_NO = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def logistic(logits):
    return 1 / (1 + np.exp(-logits))


def of_classes(loss, logits=LOGITS, target=CLASSES):
    return loss(torch.tensor(logits), torch.tensor(target))


def of_labels(loss, logits=LOGITS, target=YES_NO):
    return loss(torch.tensor(logits), torch.tensor(target)).numpy()


def probability_of_truth():
    return softmax(LOGITS)[np.arange(4), CLASSES]


def test_cross_entropy_is_minus_the_log_probability_of_the_true_class():
    np.testing.assert_allclose(of_classes(losses.CrossEntropy()), -np.log(probability_of_truth()), rtol=1e-12)


def test_label_smoothing_spreads_its_share_over_all_classes():
    smoothed = 0.9 * np.eye(3)[CLASSES] + 0.1 / 3
    expected = -(smoothed * np.log(softmax(LOGITS))).sum(axis=1)
    np.testing.assert_allclose(of_classes(losses.CrossEntropy(label_smoothing=0.1)), expected, rtol=1e-12)


def test_class_weights_come_beside_the_values_and_make_the_weighted_mean():
    values, weights = of_classes(losses.CrossEntropy(class_weights=(1.0, 2.0, 5.0)))
    np.testing.assert_allclose(weights, [1, 5, 2, 2])
    np.testing.assert_allclose(values, -np.log(probability_of_truth()), rtol=1e-12)
    by_torch = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64))
    mean = (values * weights).sum() / weights.sum()
    torch.testing.assert_close(mean, by_torch(torch.tensor(LOGITS), torch.tensor(CLASSES)))


def test_class_weights_must_be_as_many_as_the_classes():
    with pytest.raises(
        UsageError, match=r"'class_weights' has 2 weights, but the network emits 3 scores"
    ) as caught:
        of_classes(losses.CrossEntropy(class_weights=(1.0, 2.0)))
    assert "give 3 weights, in the order of the labels" in caught.value.fix


def test_binary_cross_entropy_is_the_bernoulli_likelihood_summed_over_labels():
    likelihood = np.where(YES_NO == 1, logistic(LOGITS), 1 - logistic(LOGITS))
    np.testing.assert_allclose(
        of_labels(losses.BinaryCrossEntropy()), -np.log(likelihood).sum(axis=1), rtol=1e-12
    )


def test_binary_cross_entropy_of_single_logits_gives_one_value_an_example():
    values = of_labels(losses.BinaryCrossEntropy(), LOGITS[:, 0], YES_NO[:, 0])
    expected = -np.log(np.where(YES_NO[:, 0] == 1, logistic(LOGITS[:, 0]), 1 - logistic(LOGITS[:, 0])))
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_positive_weights_multiply_the_cost_of_positives():
    weights = np.array([2.0, 3.0, 4.0])
    expected = -(weights * YES_NO * np.log(logistic(LOGITS)) + (1 - YES_NO) * np.log(1 - logistic(LOGITS)))
    values = of_labels(losses.BinaryCrossEntropy(positive_weights=(2.0, 3.0, 4.0)))
    np.testing.assert_allclose(values, expected.sum(axis=1), rtol=1e-12)


def test_a_binary_target_takes_one_positive_weight():
    values = of_labels(losses.BinaryCrossEntropy(positive_weights=(3.0,)), np.array([0.0]), np.array([1.0]))
    np.testing.assert_allclose(values, 3 * math.log(2))
    with pytest.raises(UsageError, match=r"'positive_weights' has 2 weights, but the network emits 1 score"):
        of_labels(losses.BinaryCrossEntropy(positive_weights=(3.0, 1.0)), np.array([0.0]), np.array([1.0]))


def test_focal_loss_discounts_by_the_probability_of_the_truth():
    q = probability_of_truth()
    np.testing.assert_allclose(of_classes(losses.Focal(gamma=2.0)), -((1 - q) ** 2) * np.log(q), rtol=1e-10)


def test_focal_loss_with_alpha_weighs_positives_against_negatives():
    q = np.where(YES_NO == 1, logistic(LOGITS), 1 - logistic(LOGITS))
    alpha = np.where(YES_NO == 1, 0.25, 0.75)
    expected = (-alpha * (1 - q) ** 2 * np.log(q)).sum(axis=1)
    np.testing.assert_allclose(of_labels(losses.Focal(alpha=0.25)), expected, rtol=1e-10)


def test_focal_loss_without_discount_is_cross_entropy():
    q = probability_of_truth()
    np.testing.assert_allclose(of_classes(losses.Focal(gamma=0.0)), -np.log(q), rtol=1e-10)


def test_focal_loss_refuses_alpha_for_classes():
    with pytest.raises(UsageError, match="a target of classes has neither"):
        of_classes(losses.Focal(alpha=0.25))


def test_hinge_of_classes_compares_with_the_best_other_class():
    # Leads of the true logit: 2 - 0.5, -3 - 0.2, 1.5 - 1, 0 - 0.
    np.testing.assert_allclose(of_classes(losses.Hinge()), [0.0, 4.2, 0.5, 1.0])


def test_hinge_of_yes_or_no_compares_with_the_margin():
    values = of_labels(
        losses.Hinge(margin=2.0), np.array([3.0, 0.5, -3.0, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])
    )
    np.testing.assert_allclose(values, [0.0, 1.5, 0.0, 2.5])


def test_errors_of_values_follow_their_formulas():
    prediction, target = np.array([[0.0, 3.0], [1.0, -1.0]]), np.array([[0.5, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(of_labels(losses.MeanSquaredError(), prediction, target), [[0.25, 4], [0, 4]])
    np.testing.assert_allclose(of_labels(losses.MeanAbsoluteError(), prediction, target), [[0.5, 2], [0, 2]])
    np.testing.assert_allclose(of_labels(losses.Huber(), prediction, target), [[0.125, 1.5], [0, 1.5]])


def test_poisson_loss_is_the_likelihood_of_counts_up_to_their_factorial():
    counts, log_rates = np.array([[0.0, 3.0, 7.0]]), np.array([[-1.0, 0.5, 2.0]])
    factorials = np.log([1.0, 6.0, 5040.0])
    probability = np.exp(-np.exp(log_rates)) * np.exp(log_rates) ** counts / np.exp(factorials)
    values = of_labels(losses.PoissonNLL(), log_rates, counts)
    np.testing.assert_allclose(values + factorials, -np.log(probability), rtol=1e-12)


def test_a_negative_count_is_impossible():
    assert of_labels(losses.PoissonNLL(), np.array([[0.0]]), np.array([[-0.1]])) == math.inf


def test_gaussian_loss_is_the_whole_log_density():
    density = np.exp(-((1.5 - 1.0) ** 2) / (2 * 0.3)) / np.sqrt(2 * np.pi * 0.3)
    values = of_labels(losses.GaussianNLL(variance=0.3), np.array([[1.5]]), np.array([[1.0]]))
    np.testing.assert_allclose(values, [[-np.log(density)]], rtol=1e-12)


def test_divergence_from_smoothed_classes_is_the_sum_of_q_log_q_over_p():
    q, p = 0.9 * np.eye(3)[CLASSES] + 0.1 / 3, softmax(LOGITS)
    values = of_classes(losses.KullbackLeibler(label_smoothing=0.1))
    np.testing.assert_allclose(values, (q * np.log(q / p)).sum(axis=1), rtol=1e-10)


def test_divergence_from_probabilities_of_labels_is_zero_where_they_are_equal():
    values = of_labels(losses.KullbackLeibler(), LOGITS, logistic(LOGITS))
    np.testing.assert_allclose(values, np.zeros(4), atol=1e-12)


def test_divergence_from_certain_labels_is_binary_cross_entropy():
    likelihood = np.where(YES_NO == 1, logistic(LOGITS), 1 - logistic(LOGITS))
    np.testing.assert_allclose(
        of_labels(losses.KullbackLeibler()), -np.log(likelihood).sum(axis=1), rtol=1e-10
    )


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=repr)
def test_gradients_of_class_losses_match_finite_differences(loss):
    logits = torch.tensor(LOGITS[:3], requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: loss(z, torch.tensor(CLASSES[:3])), logits)


@pytest.mark.parametrize("loss", YES_NO_LOSSES, ids=repr)
def test_gradients_of_yes_or_no_losses_match_finite_differences(loss):
    logits = torch.tensor(LOGITS, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: loss(z, torch.tensor(YES_NO)), logits)


@pytest.mark.parametrize("loss", VALUE_LOSSES, ids=repr)
def test_gradients_of_value_losses_match_finite_differences(loss):
    prediction = torch.tensor(LOGITS, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: loss(p, torch.tensor(YES_NO) + 0.25), prediction)


def is_stable(loss, logits, target):
    logits = logits.clone().requires_grad_()
    values = loss(logits, target)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    return bool(torch.isfinite(values).all() and torch.isfinite(gradient).all() and (values >= -1e-6).all())


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=repr)
def test_class_losses_stay_finite_at_extreme_logits(loss):
    logits = torch.tensor([[1e4, -1e4, 0.0]]).repeat(3, 1)
    assert is_stable(loss, logits, torch.arange(3))


@pytest.mark.parametrize("loss", YES_NO_LOSSES, ids=repr)
def test_yes_or_no_losses_stay_finite_at_extreme_logits(loss):
    assert is_stable(loss, torch.tensor([1e4, 1e4, -1e4, -1e4]), torch.tensor([0.0, 1.0, 0.0, 1.0]))


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=6),
    st.floats(-1e3, 1e3),
    st.sampled_from(CLASS_LOSSES),
)
def test_class_losses_do_not_change_when_all_logits_shift(logits, shift, loss):
    z = torch.tensor([logits], dtype=torch.float64)
    target = torch.tensor([len(logits) - 1])
    torch.testing.assert_close(loss(z + shift, target), loss(z, target), rtol=1e-8, atol=1e-8)


def test_a_wrong_extreme_answer_costs_its_distance():
    logits, target = torch.tensor([[1e4, -1e4]]), torch.tensor([1])
    assert losses.CrossEntropy()(logits, target).item() == 2e4
    assert losses.Focal()(logits, target).item() == 2e4
    assert losses.KullbackLeibler()(logits, target).item() == 2e4


def test_class_weights_keep_their_precision_when_the_scores_have_less():
    loss = losses.CrossEntropy(class_weights=(0.1, 0.7, 0.2))
    loss(torch.tensor(LOGITS, dtype=torch.bfloat16), torch.tensor(CLASSES))
    _, weights = loss(torch.tensor(LOGITS), torch.tensor(CLASSES))
    torch.testing.assert_close(weights, torch.tensor([0.1, 0.2, 0.7, 0.7]), rtol=0, atol=0)
