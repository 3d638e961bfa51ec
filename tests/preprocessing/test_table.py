import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing import Encoder, fit

NAN = float("nan")


def examples_of(columns):
    length = len(next(iter(columns.values())))
    inputs = {
        name: np.array(column, object if isinstance(column[0], str) else np.float64)
        for name, column in columns.items()
    }
    return Examples(inputs, np.array(["a"] * length, object), [f"t.csv:{line + 2}" for line in range(length)])


def fitted_on(columns, kind="vector"):
    specs = tuple(
        TensorSpec(name, "category", "string", ())
        if isinstance(column[0], str)
        else TensorSpec(name, "number", "float64", ())
        for name, column in columns.items()
    )
    return fit(Signature(specs, Classes(("a", "b"))), examples_of(columns), (kind,))


def encoded(preprocessing, columns):
    encoder = Encoder(preprocessing)
    return encoder.whole(examples_of(columns))[0]


def test_numbers_are_standardised():
    columns = {"a": [1.0, 2.0, 3.0, 6.0], "b": [10.0, 10.0, 30.0, 30.0]}
    (vector,) = encoded(fitted_on(columns), columns)
    # mean 3, variance (4 + 1 + 0 + 9) / 4; mean 20, deviation 10
    a = np.array([-2, -1, 0, 3]) / np.sqrt(3.5)
    np.testing.assert_allclose(vector, np.stack([a, [-1, -1, 1, 1]], axis=1), rtol=1e-6)
    assert vector.dtype == np.float32


def test_a_missing_value_becomes_the_mean_and_an_indicator():
    preprocessing = fitted_on({"a": [1.0, NAN, 3.0], "b": [0.0, 1.0, 2.0]})
    (vector,) = encoded(preprocessing, {"a": [NAN, 3.0], "b": [NAN, NAN]})
    # b had nothing missing in training, so it has no indicator
    assert vector.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_a_column_that_never_varied_is_zero_whatever_comes():
    preprocessing = fitted_on({"a": [0.1, 0.1, 0.1], "b": [1.0, 2.0, 3.0]})
    (vector,) = encoded(preprocessing, {"a": [0.1, 1e9], "b": [2.0, 2.0]})
    assert vector.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_large_offsets_do_not_lose_precision():
    columns = {"time": [1.7e9, 1.7e9 + 1, 1.7e9 + 2]}
    (vector,) = encoded(fitted_on(columns), columns)
    np.testing.assert_allclose(vector[:, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3), rtol=1e-6)


def test_categories_become_one_hot_in_sorted_order():
    preprocessing = fitted_on({"sex": ["male", "female", "male"]})
    (vector,) = encoded(preprocessing, {"sex": ["female", "male"]})
    assert vector.tolist() == [[1, 0], [0, 1]]


def test_an_unseen_category_is_none_of_the_known_ones():
    preprocessing = fitted_on({"sex": ["male", "female", ""]})
    (vector,) = encoded(preprocessing, {"sex": ["female", "diverse", "", "Female"]})
    assert vector.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_missing_has_no_column_when_training_never_saw_it():
    preprocessing = fitted_on({"sex": ["male", "female"]})
    (vector,) = encoded(preprocessing, {"sex": [""]})
    assert vector.tolist() == [[0, 0]]


def test_a_table_numbers_its_categories():
    preprocessing = fitted_on({"sex": ["m", "f"], "age": [1.0, 3.0], "city": ["", "Köln"]}, "table")
    assert preprocessing.encoded.inputs == (
        TensorSpec("encoded", "table", "float32", (1,)),
        TensorSpec("encoded_sex", "table", "int64", (), 4),
        TensorSpec("encoded_city", "table", "int64", (), 3),
    )
    numbers, sex, city = encoded(
        preprocessing,
        {"sex": ["m", "f", "", "?"], "age": [3.0] * 4, "city": ["Köln", "", "Bonn", "K\u00f6ln"]},
    )
    assert numbers.tolist() == [[1.0]] * 4
    assert sex.tolist() == [3, 2, 0, 1]
    assert city.tolist() == [2, 0, 1, 2]
    assert sex.dtype == np.int64


def test_a_table_of_categories_alone_has_no_numbers():
    preprocessing = fitted_on({"numbers": ["x", "y"], "b": ["u", "v"]}, "table")
    assert [spec.name for spec in preprocessing.encoded.inputs] == ["encoded_numbers", "encoded_b"]


def test_columns_may_have_any_name():
    columns = {'Länge (mm), "außen"': [1.0, 2.0], "a/b:c": ["x", "y"]}
    (vector,) = encoded(fitted_on(columns), columns)
    assert vector.tolist() == [[-1, 1, 0], [1, 0, 1]]


def test_a_column_without_any_value_is_refused():
    for columns in ({"a": [NAN, NAN]}, {"a": ["", ""]}):
        with pytest.raises(DataError, match="column 'a' has no value in the training split") as caught:
            fitted_on(columns)
        assert 'data.drop=["a"]' in caught.value.fix


def test_an_infinite_number_is_refused_in_training_and_later():
    with pytest.raises(DataError, match=r"input 'a' is -inf in t\.csv:3; numbers must be finite"):
        fitted_on({"a": [1.0, -np.inf]})
    with pytest.raises(DataError, match=r"input 'a' is inf in t\.csv:2"):
        encoded(fitted_on({"a": [1.0, 2.0]}), {"a": [np.inf]})


def test_numbers_beyond_double_precision_are_refused():
    with pytest.raises(DataError, match=r"column 'a' has values up to 1e\+308, too large"):
        fitted_on({"a": [1e308, -1e308]})


numbers = st.one_of(st.integers(-(10**7), 10**7).map(lambda number: number / 64), st.just(NAN))
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    train=st.lists(st.tuples(numbers, numbers, words), min_size=1, max_size=12).filter(
        lambda rows: (
            all(any(row[i] == row[i] for row in rows) for i in (0, 1)) and any(row[2] for row in rows)
        )
    ),
    later=st.lists(st.tuples(numbers, numbers, words), min_size=1, max_size=6),
)
def test_any_table_encodes_as_written_down_here(train, later):
    def columns(rows):
        return dict(zip(("x", "y", "c"), map(list, zip(*rows, strict=True)), strict=True))

    expected = []
    for x in ("x", "y"):
        column, new = np.array(columns(train)[x]), np.array(columns(later)[x])
        known = column[~np.isnan(column)]
        mean, std = (known.mean(), known.std()) if len(set(known)) > 1 else (known[0], np.inf)
        expected.append((np.where(np.isnan(new), mean, new) - mean) * (1 / std))
    expected += [
        np.isnan(np.array(columns(later)[x]))
        for x in ("x", "y")
        if np.isnan(np.array(columns(train)[x])).any()
    ]
    vocabulary = sorted(set(columns(train)["c"]) - {""}) + ([""] if "" in columns(train)["c"] else [])
    expected += [[word == known for word in columns(later)["c"]] for known in vocabulary]

    (vector,) = encoded(fitted_on(columns(train)), columns(later))
    np.testing.assert_allclose(vector, np.array(expected, np.float64).T, rtol=1e-6, atol=1e-6)
