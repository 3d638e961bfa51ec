import numpy as np
import onnx
import pytest
import spox
from hypothesis import given
from hypothesis import strategies as st

from zoo.contracts.targets import Forecast
from zoo.postprocessing.forecast import answers
from zoo.preprocessing.graphs import build, open_session
from zoo.preprocessing.series import standardise

TARGET = Forecast(("level", "flow"), 3)


def session_of(target):
    num_channels = len(target.names)
    scores = {"scores": spox.argument(spox.Tensor(np.float32, ("batch", *target.scores_shape)))}
    carried = {
        name: spox.argument(spox.Tensor(np.float64, ("batch", num_channels)))
        for name in ("encoded_location", "encoded_scale")
    }
    model = build({**scores, **carried}, answers(target, scores, carried, {}))
    onnx.checker.check_model(model, full_check=True)
    return open_session(model)


SESSION = session_of(TARGET)


def values_of(scores, location, scale):
    given = {"scores": scores, "encoded_location": location, "encoded_scale": scale}
    return SESSION.run(["values"], given)[0]


def test_scores_become_values_around_the_level_of_their_own_window():
    scores = np.array([[[0, 0], [1, 0], [0, 1]], [[1, 1], [2, 2], [-1, -1]]], np.float32)
    found = values_of(scores, np.array([[10.0, -1.0], [200.0, 0.0]]), np.array([[2.0, 0.5], [100.0, 1.0]]))
    assert found.dtype == np.float32
    assert found.tolist() == [[[10, -1], [12, -1], [10, -0.5]], [[300, 1], [400, 2], [100, -1]]]


@pytest.mark.parametrize(
    ("score", "location", "scale"),
    [(-16_777_216.0, 16_777_217.0, 1.0), (1.0, -16_777_216.0, 16_777_217.0)],
)
def test_values_are_computed_in_double_precision(score, location, scale):
    found = values_of(
        np.full((1, 3, 2), score, np.float32), np.full((1, 2), location), np.full((1, 2), scale)
    )
    # 2**24 + 1 is no float32: rounded on the way, the answer would be 0
    assert found.tolist() == [[[1.0, 1.0]] * 3]


@given(st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_the_answer_to_the_encoded_truth_is_the_truth(batch, seed):
    draw = np.random.default_rng(seed)
    truth, location = draw.normal(50, 20, (batch, 3, 2)), draw.normal(0, 100, (batch, 2))
    scale = draw.uniform(0.1, 10, (batch, 2))
    found = values_of(standardise(truth, location, scale), location, scale)
    np.testing.assert_allclose(found, truth, rtol=1e-5, atol=1e-4)
