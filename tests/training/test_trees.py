"""State as plain data."""

import json
import math
from collections import deque

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.training.trees import flatten, unflatten

scalars = (
    st.none()
    | st.sampled_from([torch.bfloat16, torch.float32, torch.int8])
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
tensors = st.lists(st.floats(width=32), max_size=3).map(torch.tensor)
trees = st.recursive(
    scalars | st.floats() | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(deque, st.lists(inner, max_size=3), st.none() | st.integers(3, 5))
        | st.dictionaries(
            st.integers(0, 9) | st.sampled_from(["lr", "a.b", "map", "tensor", (0, 1), (1, 0)]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return (
            isinstance(b, torch.Tensor)
            and a.dtype == b.dtype
            and torch.equal(a.nan_to_num(7), b.nan_to_num(7))
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | deque):
        return (
            getattr(a, "maxlen", None) == getattr(b, "maxlen", None)
            and len(a) == len(b)
            and all(map(same, a, b))
        )
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    return a == b and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))


@given(trees)
def test_state_survives_strict_json_exactly(tree):
    found: dict[str, torch.Tensor] = {}
    document = flatten(tree, found, "state")
    text = json.dumps(document, allow_nan=False)
    assert same(unflatten(json.loads(text), found), tree)


def test_tensors_are_named_by_where_they_stand():
    found: dict[str, torch.Tensor] = {}
    flatten({"state": {0: {"exp_avg": torch.ones(1)}}, "groups": [(torch.ones(1),)]}, found, "model")
    assert list(found) == ["model.state.0.exp_avg", "model.groups.0.0"]


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", 1j])
def test_state_that_is_not_plain_is_refused_with_its_place(value):
    with pytest.raises(TypeError, match=r"state model.x.1 is a \w+; checkpoints hold tensors and plain data"):
        flatten({"x": [0, value]}, {}, "model")


def test_no_two_tensors_of_one_state_get_one_name():
    found: dict[str, torch.Tensor] = {}
    tree = {"a.b": torch.zeros(1), "a": {"b": torch.ones(1)}}
    assert same(unflatten(flatten(tree, found, "m"), found), tree)


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)])
def test_a_tensor_comes_back_in_the_order_that_it_had_in_memory(axes):
    tensor = torch.arange(120.0).reshape(2, 3, 4, 5).permute(axes)
    found: dict[str, torch.Tensor] = {}
    document = json.loads(json.dumps(flatten({"basis": tensor}, found, "m")))
    written = {name: each.contiguous() for name, each in found.items()}
    again = unflatten(document, written)["basis"]
    assert torch.equal(again, tensor)
    assert again.stride() == tensor.stride()
