import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing import Encoder, fit


def examples_of(values):
    return Examples({"x": values}, np.zeros((len(values), 1)), [f"row {i}" for i in range(len(values))])


def fitted_on(values, length=None):
    signature = Signature(
        (TensorSpec("x", "vector", "float32", (length or values.shape[1],)),), Values(("y",))
    )
    return fit(signature, examples_of(values), ("image", "vector"))


@settings(max_examples=50, deadline=None)
@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(2, 9), st.integers(1, 5)),
        elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False),
    )
)
def test_each_element_is_standardised_and_a_constant_one_is_zero(values):
    encoder = Encoder(fitted_on(values))
    (encoded,) = encoder.whole(examples_of(values))[0]
    doubles = values.astype(np.float64)
    constant = np.ptp(doubles, axis=0) == 0
    std = np.where(constant, 1.0, doubles.std(axis=0))
    expected = np.where(constant, 0.0, (doubles - doubles.mean(axis=0)) / std)
    np.testing.assert_allclose(encoded, expected, rtol=1e-5, atol=1e-6)
    assert encoded.dtype == np.float32


def test_the_encoded_vector_has_the_length_of_the_raw_one():
    preprocessing = fitted_on(np.eye(4, 3, dtype=np.float32))
    assert preprocessing.encoded.inputs == (TensorSpec("encoded_x", "vector", "float32", (3,)),)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(bad):
    values = np.eye(3, dtype=np.float32)
    values[1, 2] = bad
    with pytest.raises(DataError, match=rf"input 'x' is {bad} in row 1; numbers must be finite"):
        fitted_on(values)


def test_an_array_of_another_length_is_refused():
    with pytest.raises(DataError, match=r"input 'x' has shape \[3, 3\]; \[3, 4\] was declared"):
        fitted_on(np.eye(3, dtype=np.float32), length=4)
