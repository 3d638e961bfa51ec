import functools

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples
from zoo.contracts.targets import Classes, Forecast
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.series import fit, standardise

NAN = float("nan")
LABELS = Classes(("a", "b"))
numbers = st.floats(-1e6, 1e6)


def specs_of(columns):
    return tuple(TensorSpec(name, "series", "float64", (None,)) for name in columns)


def fitted_on(columns, target):
    ids = [f"s.csv line {row + 2}" for row in range(len(next(iter(columns.values()))))]
    return fit(specs_of(columns), Examples(columns, None, ids), target)


@functools.cache
def session_of(graph):
    return open_session(onnx.ModelProto.FromString(graph))


def encoded(encoding, columns):
    """What the graph gives, by name."""
    session = session_of(encoding.graph.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    raw = {name: np.array(rows, np.float64) for name, rows in columns.items()}
    return dict(zip(names, session.run(None, raw), strict=True))


FORECAST = fitted_on({"a": [[1.0, NAN, 3.0]]}, Forecast(("a",), 1))
LABELLED = fitted_on({"a": [[1.0, NAN, 3.0]]}, LABELS)


def test_a_window_is_standardised_by_its_own_mean_and_deviation():
    columns = {"a": [[1.0, 2.0, 3.0, 6.0], [10.0, 10.0, 30.0, 30.0]]}
    found = encoded(fitted_on(columns, Forecast(("a",), 1)), columns)
    # mean 3, variance (4 + 1 + 0 + 9) / 4; mean 20, deviation 10
    expected = np.stack([np.array([-2, -1, 0, 3]) / np.sqrt(3.5), np.array([-1, -1, 1, 1])])
    np.testing.assert_allclose(found["encoded_series"][:, :, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(found["encoded_location"], [[3], [20]])
    np.testing.assert_allclose(found["encoded_scale"], [[np.sqrt(3.5)], [10]])
    assert found["encoded_series"].dtype == np.float32
    assert found["encoded_location"].dtype == found["encoded_scale"].dtype == np.float64


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 4), st.integers(1, 12))
def test_moments_are_those_of_numpy(data, batch, length):
    values = np.array(
        data.draw(
            st.lists(st.lists(numbers, min_size=length, max_size=length), min_size=batch, max_size=batch)
        )
    )
    found = encoded(FORECAST, {"a": values})
    np.testing.assert_allclose(found["encoded_location"][:, 0], values.mean(axis=1), rtol=1e-9, atol=1e-6)
    varies = np.ptp(values, axis=1) > 1e-6
    np.testing.assert_allclose(found["encoded_scale"][varies, 0], values.std(axis=1)[varies], rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(numbers, min_size=2, max_size=9), st.floats(0.01, 1000), st.floats(-1e5, 1e5))
def test_a_network_sees_neither_level_nor_unit_of_a_window(window, factor, offset):
    window = np.round(np.array([window]), 2)
    one, other = (
        encoded(FORECAST, {"a": each})["encoded_series"] for each in (window, window * factor + offset)
    )
    if np.ptp(window) * factor > 1e-3:
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_truth_comes_back_in_its_own_unit():
    columns = {"a": [[1.0, 2.0, 4.0]], "b": [[100.0, 0.0, 300.0]]}
    found = encoded(fitted_on(columns, Forecast(("b", "a"), 2)), columns)
    location, scale = found["encoded_location"], found["encoded_scale"]
    # in the order of the target, not of the columns
    np.testing.assert_allclose(location, [[400 / 3, 7 / 3]])
    truth = np.array([[[400.0, 5.0], [500.0, 6.0]]])
    within = standardise(truth, location, scale)
    assert within.dtype == np.float32
    np.testing.assert_allclose(within[0, 0, 0], (400 - 400 / 3) / np.std([100, 0, 300]), rtol=1e-6)
    np.testing.assert_allclose(within * scale[:, None] + location[:, None], truth, rtol=1e-6)


def test_a_truth_beyond_single_precision_is_infinite_and_warns_nobody():
    found = standardise(np.array([[[1e30]]]), np.array([[0.0]]), np.array([[1e-30]]))
    assert found.tolist() == [[[np.inf]]]


@pytest.mark.parametrize("window", [[0.1] * 24, [7.0], [1e9 + 0.1] * 3, [0.1 + 0.2, 0.3, 0.3]])
def test_a_constant_window_is_zero_at_its_level_with_deviation_one(window):
    # 0.1 + 0.2 and 0.3 differ by rounding only
    found = encoded(fitted_on({"a": [[0.0, 1.0]]}, Forecast(("a",), 1)), {"a": [window]})
    np.testing.assert_allclose(found["encoded_series"], 0, atol=1e-7)
    assert found["encoded_scale"].tolist() == [[1.0]]
    np.testing.assert_allclose(found["encoded_location"], [[window[-1]]], rtol=1e-15)


def test_small_changes_of_a_large_level_do_not_lose_precision():
    window = [1.7e9, 1.7e9 + 1, 1.7e9 + 2]
    found = encoded(fitted_on({"a": [window]}, Forecast(("a",), 1)), {"a": [window]})
    np.testing.assert_allclose(
        found["encoded_series"][0, :, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3), rtol=1e-6
    )


def test_a_missing_value_is_the_mean_and_an_indicator_where_training_had_gaps():
    columns = {"a": [[1.0, NAN, 3.0]], "b": [[0.0, 1.0, 2.0]]}
    encoding = fitted_on(columns, Forecast(("a",), 1))
    assert encoding.inputs == (
        TensorSpec("encoded_series", "series", "float32", (None, 3)),
        TensorSpec("encoded_lengths", "lengths", "int64", ()),
    )
    found = encoded(encoding, {"a": [[1.0, NAN, 3.0]], "b": [[5.0, NAN, 7.0]]})
    # b had nothing missing in training, so it has no indicator
    assert found["encoded_series"].tolist() == [[[-1, -1, 0], [0, 0, 1], [1, 1, 0]]]
    assert found["encoded_location"].tolist() == [[2.0]]


def test_a_column_without_any_value_in_a_window_has_mean_0_and_deviation_1():
    encoding = fitted_on({"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]}, Forecast(("a", "b"), 1))
    found = encoded(encoding, {"a": [[NAN, NAN]], "b": [[4.0, 6.0]]})
    assert found["encoded_location"].tolist() == [[0.0, 5.0]]
    assert found["encoded_scale"].tolist() == [[1.0, 1.0]]
    assert found["encoded_series"].tolist() == [[[0, -1], [0, 1]]]


def test_steps_behind_the_last_value_are_padding_and_zero():
    columns = {
        "a": [[1.0, NAN, 5.0, NAN], [2.0, 4.0, NAN, NAN]],
        "b": [[NAN, NAN, NAN, NAN], [9.0, 9.0, NAN, NAN]],
    }
    for target in (Forecast(("a",), 1), LABELS):
        found = encoded(fitted_on(columns, target), columns)
        assert found["encoded_lengths"].tolist() == [3, 2]
        assert not found["encoded_series"][0, 3:].any()
        assert not found["encoded_series"][1, 2:].any()


@pytest.mark.parametrize("target", [Forecast(("a",), 1), LABELS])
@pytest.mark.parametrize("length", [1, 3])
def test_a_series_without_any_value_has_one_step(target, length):
    encoding = fitted_on({"a": [[1.0, NAN, 3.0]]}, target)
    found = encoded(encoding, {"a": np.full((2, length), NAN)})
    assert found["encoded_lengths"].tolist() == [1, 1]
    assert found["encoded_series"].shape == (2, length, 2)
    assert np.isfinite(found["encoded_series"]).all()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.one_of(numbers, st.just(NAN)), min_size=1, max_size=6), min_size=1, max_size=4),
    st.integers(0, 4),
    st.sampled_from([FORECAST, LABELLED]),
)
def test_padding_changes_nothing(rows, extra, encoding):
    longest = max(map(len, rows)) + extra
    together = encoded(encoding, {"a": [row + [NAN] * (longest - len(row)) for row in rows]})
    for place, row in enumerate(rows):
        alone = encoded(encoding, {"a": [row]})
        length = int(alone["encoded_lengths"][0])
        assert together["encoded_lengths"][place] == length
        for name in set(alone) - {"encoded_series", "encoded_lengths"}:
            np.testing.assert_allclose(together[name][place], alone[name][0], rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(
            together["encoded_series"][place, :length],
            alone["encoded_series"][0, :length],
            rtol=1e-5,
            atol=1e-5,
        )
        assert not together["encoded_series"][place, length:].any()


def test_other_targets_are_given_the_level_by_the_moments_of_training():
    columns = {"a": [np.array([1.0, 2.0]), np.array([3.0, 6.0, NAN])], "b": [np.zeros(2), np.zeros(3)]}
    encoding = fitted_on(columns, LABELS)
    assert encoding.carried == ()
    assert encoding.statistics["series"]["a"] == {"mean": 3.0, "std": np.sqrt(3.5), "missing": True}
    found = encoded(encoding, {"a": [[3.0, 6.0, 3.0]], "b": [[0.0, 8.0, 0.0]]})
    # b never varied in training: it has no influence
    np.testing.assert_allclose(
        found["encoded_series"], [[[0, 0, 0], [3 / np.sqrt(3.5), 0, 0], [0, 0, 0]]], rtol=1e-6
    )
    assert set(found) == {"encoded_series", "encoded_lengths"}


def test_padding_in_training_is_no_missing_value():
    columns = {"a": np.array([[1.0, 2.0, NAN], [3.0, 4.0, 5.0]])}
    assert fitted_on(columns, LABELS).statistics["series"]["a"] == {
        "mean": 3.0,
        "std": np.sqrt(2),
        "missing": False,
    }


@pytest.mark.parametrize("target", [Forecast(("b",), 2), LABELS])
def test_the_graph_is_valid_onnx_that_is_dynamic_in_batch_and_length(target):
    columns = {"a": [[1.0, NAN, 3.0]], "b": [[0.0, 1.0, 2.0]]}
    encoding = fitted_on(columns, target)
    onnx.checker.check_model(encoding.graph, full_check=True)
    outputs = [output.name for output in encoding.graph.graph.output]
    assert outputs == [*(spec.name for spec in encoding.inputs), *encoding.carried]
    assert encoding.stored == ("encoded_series", "encoded_lengths")
    shapes = [
        [axis.dim_param or axis.dim_value for axis in output.type.tensor_type.shape.dim]
        for output in encoding.graph.graph.output
    ]
    assert shapes == [["batch", "length", 3], ["batch"], *(["batch", 1] for _ in encoding.carried)]
    for batch, length in ((1, 1), (1, 5), (3, 2), (0, 4)):
        found = encoded(encoding, {"a": np.ones((batch, length)), "b": np.ones((batch, length))})
        assert found["encoded_series"].shape == (batch, length, 3)
        assert found["encoded_lengths"].shape == (batch,)
        assert all(found[name].shape == (batch, 1) for name in encoding.carried)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [[NAN, NAN]], "b": [[1.0, 2.0]]}, "column 'a' has no value in the training split"),
        ({"a": [[1.0, np.inf]]}, "column 'a' is inf in the series of s.csv line 2, not finite"),
        (
            {"a": [[1.0, 2.0], [-1e200, 0]]},
            "column 'a' is -1e\\+200 in the series of s.csv line 3, too large",
        ),
        ({"encoded_scale": [[1.0, 2.0]]}, "input 'encoded_scale' has the name of another tensor"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(columns, words):
    with pytest.raises(DataError, match=words):
        fitted_on(columns, LABELS)


def test_a_forecast_of_a_column_that_is_no_input_is_refused():
    with pytest.raises(
        DataError, match="column 'b' is to be forecast, but its past is not among the inputs a"
    ):
        fitted_on({"a": [[1.0, 2.0]]}, Forecast(("b",), 1))
