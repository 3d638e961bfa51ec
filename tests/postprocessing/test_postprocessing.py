import math

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zoo.contracts.signature import Signature
from zoo.contracts.targets import SCORES, Binary, Classes, Labels, Values
from zoo.postprocessing import Answers, build
from zoo.preprocessing import Preprocessing

FITTED = {"target": {"link": "identity", "mean": [200_000.0, -1.0], "std": [100_000.0, 0.5]}}
TARGETS = [Classes(("cat", "dög", "")), Binary(("no", "yes")), Labels(("u", "v")), Values(("price", "trend"))]
logits = st.floats(-80, 80, width=32)


def graph_for(target, fitted=FITTED):
    signature = Signature((), target, target.outputs)
    return build(Preprocessing(signature, signature, fitted, onnx.ModelProto(), ()))


def answers_to(target, scores, fitted=FITTED):
    return Answers(graph_for(target, fitted))({SCORES: np.array(scores, np.float32)}, {})


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def test_classes_answer_with_the_best_label_and_softmax():
    answers = answers_to(TARGETS[0], [[0.0, math.log(2), 0.0], [5.0, 0.0, 5.0]])
    assert answers["label"].tolist() == ["dög", "cat"]
    np.testing.assert_allclose(answers["probabilities"][0], [0.25, 0.5, 0.25], rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(npst.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(3)), elements=logits))
def test_probabilities_of_classes_are_the_softmax(scores):
    answers = answers_to(TARGETS[0], scores)
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers["probabilities"], expected, rtol=1e-5, atol=1e-7)
    assert answers["label"].tolist() == [TARGETS[0].labels[i] for i in scores.argmax(axis=1)]


@settings(max_examples=50, deadline=None)
@given(npst.arrays(np.float32, st.integers(1, 6), elements=logits))
def test_binary_answers_with_the_probability_of_the_second_label(scores):
    answers = answers_to(TARGETS[1], scores)
    np.testing.assert_allclose(answers["probability"], [sigmoid(s) for s in scores], rtol=1e-5, atol=1e-7)
    assert answers["label"].tolist() == ["yes" if p >= 0.5 else "no" for p in answers["probability"]]


def test_a_probability_of_one_half_is_the_second_label():
    assert answers_to(TARGETS[1], [0.0, -0.01, 0.01])["label"].tolist() == ["yes", "no", "yes"]


def test_labels_are_chosen_one_by_one():
    answers = answers_to(TARGETS[2], [[2.0, -2.0], [0.0, 1.0], [-1.0, -1.0]])
    assert answers["labels"].tolist() == [[True, False], [True, True], [False, False]]
    assert answers["labels"].dtype == bool
    np.testing.assert_allclose(answers["probabilities"][0], [sigmoid(2), sigmoid(-2)], rtol=1e-6)


def test_values_are_answered_in_their_own_unit():
    answers = answers_to(TARGETS[3], [[0.0, 0.0], [1.5, -2.0]])
    assert answers["values"].tolist() == [[200_000.0, -1.0], [350_000.0, -2.0]]
    assert answers["values"].dtype == np.float32


def test_values_are_computed_in_double_precision():
    fitted = {"target": {"link": "identity", "mean": [16_777_217.0], "std": [1.0]}}
    answers = answers_to(Values(("y",)), [[-16_777_216.0]], fitted)
    # 2**24 + 1 is no float32: rounded on the way, the answer would be 0
    assert answers["values"].tolist() == [[1.0]]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
@pytest.mark.parametrize("batch", [1, 5])
def test_answers_have_the_promised_names_types_and_shapes(target, batch):
    model = graph_for(target)
    onnx.checker.check_model(model, full_check=True)
    answers = Answers(model)({SCORES: np.zeros((batch, *target.scores_shape), np.float32)}, {})
    assert sorted(answers) == sorted(target.answers)
    for name, array in answers.items():
        assert array.shape == (
            (batch,) if name in ("label", "probability") else (batch, *target.scores_shape)
        )
    assert model.ir_version == 8


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
def test_extreme_scores_give_finite_answers(target):
    answers = answers_to(target, np.full((2, *target.scores_shape), 1e4))
    assert all(np.isfinite(array).all() for array in answers.values() if array.dtype.kind == "f")


def test_rates_are_the_mean_times_the_exponential_of_the_score():
    fitted = {"target": {"link": "log", "mean": [4.0, 0.5]}}
    answers = answers_to(Values(("bikes", "cars")), [[0.0, np.log(3.0)]], fitted)
    np.testing.assert_allclose(answers["values"], [[4.0, 1.5]], rtol=1e-6)
