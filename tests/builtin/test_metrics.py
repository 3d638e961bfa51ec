import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.builtin import metrics
from zoo.plugin import Binary, Classes, Labels, Values

CLASSES = Classes(("a", "b", "c"))
BINARY = Binary(("no", "yes"))
LABELS = Labels(("x", "y", "z"))
RANDOM = np.random.default_rng(0)


def measured(metric, answers, truth, num_batches=3):
    for some_answers, some_truth in zip(
        np.array_split(answers, num_batches), np.array_split(truth, num_batches), strict=True
    ):
        metric.update(torch.tensor(some_answers), torch.tensor(some_truth))
    return metric.compute().item()


def class_answers(num=200):
    probabilities = RANDOM.dirichlet((1, 1, 1), num).astype(np.float32)
    return probabilities, RANDOM.integers(0, 3, num)


def binary_answers(num=200):
    return RANDOM.random(num, dtype=np.float32), RANDOM.integers(0, 2, num)


def label_answers(num=200):
    return RANDOM.random((num, 3), dtype=np.float32), RANDOM.integers(0, 2, (num, 3))


def test_metrics_of_classes_equal_scikit_learns():
    probabilities, truth = class_answers()
    chosen = probabilities.argmax(1)
    reference = sklearn.metrics.accuracy_score(truth, chosen)
    assert measured(metrics.accuracy(CLASSES), probabilities, truth) == pytest.approx(reference)
    assert measured(metrics.micro_f1(CLASSES), probabilities, truth) == pytest.approx(reference)
    macro = sklearn.metrics.f1_score(truth, chosen, average="macro")
    assert measured(metrics.macro_f1(CLASSES), probabilities, truth) == pytest.approx(macro)
    area = sklearn.metrics.roc_auc_score(truth, probabilities, multi_class="ovr")
    assert measured(metrics.auroc(CLASSES), probabilities, truth) == pytest.approx(area)


def test_metrics_of_yes_or_no_equal_scikit_learns():
    probability, truth = binary_answers()
    chosen = probability >= 0.5
    for metric, reference in [
        (metrics.accuracy(BINARY), sklearn.metrics.accuracy_score(truth, chosen)),
        (metrics.f1(BINARY), sklearn.metrics.f1_score(truth, chosen)),
        (metrics.auroc(BINARY), sklearn.metrics.roc_auc_score(truth, probability)),
    ]:
        assert measured(metric, probability, truth) == pytest.approx(reference)


def test_metrics_of_labels_equal_scikit_learns():
    probabilities, truth = label_answers()
    chosen = (probabilities >= 0.5).astype(int)
    for metric, reference in [
        (metrics.accuracy(LABELS), (chosen == truth).mean()),
        (metrics.micro_f1(LABELS), sklearn.metrics.f1_score(truth, chosen, average="micro")),
        (metrics.macro_f1(LABELS), sklearn.metrics.f1_score(truth, chosen, average="macro")),
        (metrics.auroc(LABELS), sklearn.metrics.roc_auc_score(truth, probabilities, average="macro")),
    ]:
        assert measured(metric, probabilities, truth) == pytest.approx(reference)


@pytest.mark.parametrize("num_values", [1, 3])
def test_metrics_of_values_equal_scikit_learns(num_values):
    truth = RANDOM.normal(200_000, 50_000, (300, num_values)) * np.arange(1, num_values + 1)
    answers = (truth + RANDOM.normal(0, 30_000, truth.shape)).astype(np.float32)
    target = Values(tuple(f"v{index}" for index in range(num_values)))
    for metric, reference in [
        (metrics.rmse(target), sklearn.metrics.root_mean_squared_error(truth, answers)),
        (metrics.mae(target), sklearn.metrics.mean_absolute_error(truth, answers)),
        (metrics.r2(target), sklearn.metrics.r2_score(truth, answers)),
    ]:
        assert measured(metric, answers, truth) == pytest.approx(reference, rel=1e-9)


@given(st.sampled_from([1e-6, 1.0, 1e9]), st.sampled_from([0.0, 1e4]))
def test_r2_does_not_depend_on_the_unit_or_the_origin(scale, origin):
    truth = np.array([[1.0], [2.0], [3.0], [5.0]])
    answers = np.array([[1.1], [1.9], [3.2], [4.9]])
    # 1 - (0.01 + 0.01 + 0.04 + 0.01) / 8.75
    value = measured(metrics.r2(Values(("v",))), (answers + origin) * scale, (truth + origin) * scale)
    assert value == pytest.approx(1 - 0.07 / 8.75, rel=1e-6)


def test_r2_of_a_value_that_never_varies_is_one_or_zero_as_in_scikit_learn():
    truth = np.array([[2.0, 2.0], [2.0, 2.0]])
    answers = np.array([[2.0, 3.0], [2.0, 3.0]])
    assert (
        measured(metrics.r2(Values(("v", "w"))), answers, truth)
        == sklearn.metrics.r2_score(truth, answers)
        == 0.5
    )


def test_a_class_that_never_occurs_is_left_out():
    probabilities = np.array([[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.4, 0.6, 0.0]], np.float32)
    truth = np.array([0, 1, 0])
    assert measured(metrics.accuracy(CLASSES), probabilities, truth) == pytest.approx(2 / 3)
    # F1 of a: 2 / 3; of b: 2 / 3; c has none.
    assert measured(metrics.macro_f1(CLASSES), probabilities, truth) == pytest.approx(2 / 3)
    assert measured(metrics.auroc(CLASSES), probabilities, truth) == 1.0


def test_the_area_is_not_a_number_where_only_one_label_occurs():
    assert np.isnan(measured(metrics.auroc(BINARY), np.array([0.2, 0.9, 0.4]), np.array([1, 1, 1])))


def test_a_label_that_all_examples_have_is_left_out_of_the_area():
    probabilities = np.array([[0.2, 0.9, 0.1], [0.7, 0.8, 0.3], [0.6, 0.4, 0.2]])
    truth = np.array([[0, 1, 0], [1, 1, 0], [0, 1, 0]])
    assert measured(metrics.auroc(LABELS), probabilities, truth) == 1.0


def test_equal_scores_count_half():
    assert measured(metrics.auroc(BINARY), np.full(6, 0.3), np.array([0, 1, 0, 1, 1, 0])) == 0.5


@pytest.mark.parametrize(
    "metric", [metrics.r2(Values(("v",))), metrics.rmse(Values(("v",)))], ids=["r2", "rmse"]
)
def test_a_reset_metric_starts_anew(metric):
    measured(metric, np.array([[9.0], [9.0], [9.0]]), np.array([[1.0], [2.0], [3.0]]))
    metric.reset()
    value = measured(metric, np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [3.0]]))
    assert value == (1.0 if isinstance(metric, metrics.WholeSplit) else 0.0)
