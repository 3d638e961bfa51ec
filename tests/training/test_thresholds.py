import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zoo.training.thresholds import choose_thresholds


def f1(probabilities, truth, threshold):
    chosen = probabilities >= np.float32(threshold)
    right = (chosen & (truth == 1)).sum()
    return 2 * right / max(chosen.sum() + (truth == 1).sum(), 1)


@settings(max_examples=200, deadline=None)
@given(
    probabilities=npst.arrays(np.float32, st.integers(2, 20), elements=st.floats(0, 1, width=32)),
    seed=st.integers(0, 1000),
)
def test_no_other_threshold_has_a_larger_f1(probabilities, seed):
    truth = np.random.default_rng(seed).integers(0, 2, len(probabilities)).astype(np.float64)
    (threshold,) = choose_thresholds(probabilities[:, None], truth[:, None])
    if 0 < truth.sum() < len(truth):
        best = max(f1(probabilities, truth, cut) for cut in probabilities)
        assert f1(probabilities, truth, threshold) >= best - 1e-12
    else:
        assert threshold == 0.5


def test_the_middle_between_two_probabilities_is_taken():
    probabilities = np.array([[0.9, 0.1], [0.7, 0.2], [0.3, 0.8], [0.1, 0.6]], np.float32)
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(choose_thresholds(probabilities, truth), [0.5, 0.7], rtol=1e-6)


def test_answers_that_are_not_known_do_not_count():
    probabilities = np.array([[0.9], [0.8], [0.4], [0.2]], np.float32)
    truth = np.array([[1], [np.nan], [1], [0]])
    np.testing.assert_allclose(choose_thresholds(probabilities, truth), [0.3], rtol=1e-6)
