import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes, Labels, Values
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import digests
from zoo.data.splits import complete, strata
from zoo.errors import DataError, UsageError

VECTOR = (TensorSpec("vector", "vector", "float32", (2,)),)


def data(x, target, truth):
    x = np.asarray(x, dtype=np.float32).reshape(len(truth), -1)
    examples = Examples({"vector": x}, np.asarray(truth), [f"row {row}" for row in range(len(truth))])
    return Splits(Signature(VECTOR, target), examples)


def classes(labels, x=None):
    x = np.arange(len(labels)) if x is None else x
    truth = np.array(labels, dtype=object)
    return data(x, Classes(tuple(sorted(set(labels)))), truth)


def parts(splits):
    return {
        name: getattr(splits, name)
        for name in ("train", "validation", "test")
        if getattr(splits, name) is not None
    }


labelled = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), min_size=40, max_size=120)


@settings(max_examples=50, deadline=None)
@given(rows=labelled, seed=st.integers(0, 5))
def test_splits_are_a_partition_that_no_duplicate_crosses_and_no_class_leaves(rows, seed):
    splits = classes([label for _, label in rows], [x for x, _ in rows])
    try:
        found = parts(complete(splits, validation=0.1, test=0.2, seed=seed))
    except DataError:
        return  # so many duplicates that a split would be empty
    assert sorted(name for part in found.values() for name in part.ids) == sorted(splits.train.ids)
    inputs = [set(digests(part)) for part in found.values()]
    assert sum(map(len, inputs)) == len(set.union(*inputs))
    assert set(found["train"].target) == set(splits.train.target)


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.sampled_from("abcd"), min_size=60, max_size=200), seed=st.integers(0, 5))
def test_every_class_is_divided_by_the_shares(labels, seed):
    splits = classes(labels)
    found = parts(complete(splits, validation=0.1, test=0.2, seed=seed))
    assert abs(len(found["test"]) - 0.2 * len(labels)) <= 4
    assert abs(len(found["validation"]) - 0.1 * len(labels)) <= 4
    for label in set(labels):
        assert abs((found["test"].target == label).sum() - 0.2 * labels.count(label)) <= 2


def test_the_same_seed_gives_the_same_splits_and_another_others():
    splits = classes(["a", "b"] * 50)
    ids = [complete(splits, validation=0.1, test=0.2, seed=seed).test.ids for seed in (0, 0, 1)]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


def test_splits_are_the_same_on_every_machine_and_version():
    splits = complete(classes(["a", "b"] * 10), validation=0.1, test=0.2, seed=0)
    assert splits.test.ids == ["row 0", "row 4", "row 7", "row 15"]
    assert splits.validation.ids == ["row 6", "row 9"]


def test_the_order_of_the_rows_does_not_matter():
    labels = ["a", "b", "b"] * 20
    forward = complete(classes(labels), validation=0.1, test=0.2, seed=3)
    backward = complete(classes(labels[::-1], np.arange(60)[::-1]), validation=0.1, test=0.2, seed=3)
    assert set(digests(forward.test)) == set(digests(backward.test))


def test_a_class_with_one_example_stays_in_train():
    for seed in range(20):
        splits = complete(classes(["a"] * 30 + ["rare"]), validation=0.2, test=0.3, seed=seed)
        assert "rare" in splits.train.target


def test_many_tiny_classes_still_give_the_shares_in_total():
    labels = [str(number) for number in range(40) for _ in range(4)]
    splits = complete(classes(labels), validation=0.1, test=0.2, seed=0)
    assert abs(len(splits.test) - 32) <= 2
    assert abs(len(splits.validation) - 16) <= 2


def test_every_label_of_several_stays_in_train():
    truth = np.zeros((60, 3), dtype=bool)
    truth[::2, 0] = truth[::3, 1] = truth[17, 2] = True
    splits = data(np.arange(60), Labels(("x", "y", "z")), truth)
    for seed in range(10):
        assert complete(splits, validation=0.2, test=0.3, seed=seed).train.target.any(axis=0).all()


def test_values_are_divided_by_tenths():
    truth = np.random.default_rng(0).lognormal(size=(200, 1))
    splits = data(np.arange(200), Values(("y",)), truth)
    test = complete(splits, validation=0.1, test=0.2, seed=0).test
    edges = np.quantile(truth[:, 0], np.linspace(0, 1, 11))
    counts, _ = np.histogram(test.target[:, 0], edges)
    assert counts.min() >= 3
    assert counts.max() <= 5


def test_equal_values_are_one_stratum():
    splits = data(np.arange(6), Values(("y",)), np.array([[0.0], [0], [0], [1], [1], [1]]))
    assert len(set(strata(splits.train, splits.signature.target).tolist())) == 2


def test_a_declared_split_is_kept_and_the_other_comes_from_train():
    whole = classes(["a", "b"] * 20)
    declared = Splits(whole.signature, whole.train, test=whole.train)
    found = complete(declared, validation=0.25, test=0.5, seed=0)
    assert found.test is declared.test
    assert len(found.validation) == 10
    assert len(found.train) == 30


def test_a_share_of_0_leaves_a_split_out():
    found = complete(classes(["a", "b"] * 20), validation=0, test=0.2, seed=0)
    assert found.validation is None
    assert len(found.train) == 32


def test_too_few_rows_to_split_are_refused():
    with pytest.raises(DataError, match="3 examples are too few to split off validation"):
        complete(classes(["a", "b", "b"]), validation=0.1, test=0.2, seed=0)


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(UsageError, match="leave nothing to train on"):
        complete(classes(["a", "b"] * 20), validation=0.5, test=0.5, seed=0)
