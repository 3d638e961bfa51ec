import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.contracts.targets import Binary, Classes, Labels, Values
from zoo.exporting import reference
from zoo.exporting.reference import sigmoid


def answers(target, scores, fitted):
    return reference.answers(target, {"scores": scores}, {}, fitted)


def test_the_softmax_of_logarithms_is_the_ratio():
    given = answers(Classes(("a", "b", "c")), np.log([[1.0, 2.0, 5.0]]), {})
    np.testing.assert_allclose(given["probabilities"], [[0.125, 0.25, 0.625]], rtol=1e-12)
    assert given["label"].tolist() == ["c"]


def test_large_scores_do_not_overflow():
    given = answers(Classes(("a", "b")), np.array([[1e4, -1e4]]), {})
    assert given["probabilities"].tolist() == [[1.0, 0.0]]


@given(st.floats(0.001, 0.999))
def test_the_sigmoid_inverts_the_log_odds(probability):
    assert sigmoid(np.log(probability / (1 - probability))) == pytest.approx(probability, rel=1e-12)


def test_a_logit_of_zero_is_the_second_label():
    given = answers(Binary(("no", "yes")), np.array([-1.0, 0.0, 800.0]), {})
    assert given["label"].tolist() == ["no", "yes", "yes"]
    assert given["probability"].tolist() == pytest.approx([1 / (1 + np.e), 0.5, 1.0])


def test_labels_are_chosen_one_by_one():
    given = answers(Labels(("wet", "cold")), np.array([[-800.0, 0.0]]), {})
    assert given["labels"].tolist() == [[False, True]]
    assert given["probabilities"].tolist() == [[0.0, 0.5]]


def test_values_return_to_their_own_units():
    fitted = {"link": "identity", "mean": [200.0, 2010.0], "std": [50.0, 4.0]}
    assert answers(Values(("price", "year")), np.array([[1.0, -0.5]]), fitted)["values"].tolist() == [
        [250.0, 2008.0]
    ]


def test_counts_are_their_mean_times_the_exponential():
    fitted = {"link": "log", "mean": [3.0]}
    given = answers(Values(("visits",)), np.log([[2.0]]), fitted)
    assert given["values"].tolist() == [[pytest.approx(6.0)]]
