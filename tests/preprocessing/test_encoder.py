import numpy as np
import pytest

from zoo.contracts.examples import Examples, Objects
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Boxes, Classes, Labels, Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing import Encoder, Geometry, Preprocessing, Wishes, fit
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.ragged import take

RNG = np.random.default_rng(7)


def image_data():
    images = [
        RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)
        for h, w in [(9, 20), (64, 3), (1, 1), (32, 32), (70, 50)]
    ]
    return Signature((TensorSpec("image", "image", "uint8", (None, None, 3)),), Classes(("a", "b"))), {
        "image": images
    }


def table_data():
    specs = (TensorSpec("n", "number", "float64", ()), TensorSpec("c", "category", "string", ()))
    columns = {"n": np.array([1.0, np.nan, 3.5, -1e3, 0.1]), "c": np.array(["x", "", "y", "x", "ü"], object)}
    return Signature(specs, Classes(("a", "b"))), columns


def vector_data():
    signature = Signature((TensorSpec("v", "vector", "float32", (4,)),), Classes(("a", "b")))
    return signature, {"v": RNG.normal(size=(5, 4)).astype(np.float32)}


CASES = [
    (image_data, "image"),
    (image_data, "vector"),
    (table_data, "table"),
    (table_data, "vector"),
    (vector_data, "vector"),
]


def fitted(data, kind):
    signature, inputs = data()
    examples = Examples(inputs, np.array(["a", "b", "a", "a", "b"], object), list("pqrst"))
    return fit(signature, examples, (kind,), wishes=Wishes(Geometry((16, 24)))), examples


@pytest.mark.parametrize(("data", "kind"), CASES)
def test_both_parts_together_equal_the_whole_graph_bit_for_bit(data, kind):
    preprocessing, examples = fitted(data, kind)
    encoder = Encoder(preprocessing)
    encoded = encoder.whole(examples)[0]
    session = open_session(preprocessing.graph)
    for row in range(len(examples)):
        feed = {name: np.asarray(column[row])[None] for name, column in examples.inputs.items()}
        feed = {
            name: value.astype(object) if value.dtype.kind == "U" else value for name, value in feed.items()
        }
        for ours, whole in zip(encoded, session.run(None, feed), strict=True):
            assert ours[row].tobytes() == whole[0].tobytes()


@pytest.mark.parametrize(("data", "kind"), CASES)
def test_encoded_arrays_are_what_the_signature_says(data, kind):
    preprocessing, examples = fitted(data, kind)
    encoder = Encoder(preprocessing)
    for array, spec in zip(encoder.whole(examples)[0], preprocessing.encoded.inputs, strict=True):
        assert (array.dtype, array.shape) == (spec.dtype, (5, *spec.shape))


@pytest.mark.parametrize(("data", "kind"), CASES)
def test_progress_counts_every_example(data, kind):
    preprocessing, examples = fitted(data, kind)
    done = []
    Encoder(preprocessing).store(examples, done.append)
    assert sum(done) == 5


def test_a_batch_of_stored_examples_can_be_finished_in_any_order():
    preprocessing, examples = fitted(image_data, "image")
    encoder = Encoder(preprocessing)
    (stored,) = encoder.store(examples).stored
    assert stored.dtype == np.uint8
    (whole,) = encoder.finish((stored,), np.arange(len(stored)))
    (some,) = encoder.finish((stored,), np.array([3, 0]))
    assert np.array_equal(some, whole[[3, 0]])


def test_pictures_that_fitting_has_brought_to_size_are_what_they_would_be_anew():
    pictures = image_data()[1]["image"]
    truth = np.empty(5, object)
    truth[:] = [Objects(("cat",), np.array([[1.0, 2, 9, 7]]), np.array([False])) for _ in range(5)]
    signature = Signature((TensorSpec("image", "image", "uint8", (None, None, 3)),), Boxes(("cat",)))
    examples = Examples({"image": pictures}, truth, list("pqrst"))
    first = fit(signature, examples, ("image",), wishes=Wishes(Geometry((16, 24), fit="stretch")))
    assert first.sample is not None
    results = []
    for preprocessing in (first, Preprocessing.from_bytes(first.to_bytes())):
        encoder = Encoder(preprocessing)
        encoded = encoder.store(examples)
        results.append([*encoded.stored, *encoded.carried.values(), *encoder.targets(examples, encoded)])
    for ours, anew in zip(*results, strict=True):
        assert [row.tobytes() for row in take(ours, np.arange(5))] == [
            row.tobytes() for row in take(anew, np.arange(5))
        ]


def targets_of(target, truth, later=None):
    signature = Signature((TensorSpec("n", "number", "float64", ()),), target)
    ids = [f"row {i}" for i in range(len(truth))]
    train = Examples({"n": np.arange(float(len(truth)))}, truth, ids)
    encoder = Encoder(fit(signature, train, ("vector",)))
    shown = train
    if later is not None:
        shown = Examples({"n": np.arange(float(len(later)))}, later, ids[: len(later)])
    (encoded,) = encoder.targets(shown, encoder.store(shown))
    return encoded


def test_classes_become_indices():
    encoded = targets_of(Classes(("cat", "dog", "owl")), np.array(["owl", "cat", "owl"], object))
    assert encoded.tolist() == [2, 0, 2]
    assert encoded.dtype == np.int64


def test_the_second_label_of_a_binary_target_is_one():
    encoded = targets_of(Binary(("no", "yes")), np.array(["yes", "no"], object))
    assert encoded.tolist() == [1.0, 0.0]
    assert encoded.dtype == np.float32


def test_labels_become_zeros_and_ones():
    encoded = targets_of(Labels(("u", "v")), np.array([[True, False], [True, True]]))
    assert encoded.tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert encoded.dtype == np.float32


def test_values_are_standardised_by_the_training_split():
    truth = np.array([[1.0, 7.0], [3.0, 7.0]])
    assert targets_of(Values(("y", "z")), truth).tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert targets_of(Values(("y", "z")), truth, np.array([[4.0, 9.0]])).tolist() == [[2.0, 2.0]]


def test_an_unknown_label_is_named_with_its_place():
    with pytest.raises(DataError, match="label 'dgo' in row 1 is not one of the 2 labels") as caught:
        targets_of(
            Classes(("cat", "dog")), np.array(["cat", "dog"], object), np.array(["cat", "dgo"], object)
        )
    assert caught.value.fix == "did you mean 'dog'?"


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_value_to_predict_that_is_not_finite_is_named_with_its_place(bad):
    with pytest.raises(DataError, match=rf"target 'z' is {bad} in row 1"):
        targets_of(Values(("y", "z")), np.array([[1.0, 2.0], [3.0, bad]]))


def test_counts_are_divided_by_their_mean_for_a_loss_with_a_logarithmic_link():
    signature = Signature((TensorSpec("v", "vector", "float32", (1,)),), Values(("count",)))
    examples = Examples({"v": np.zeros((3, 1), np.float32)}, np.array([[1.0], [2.0], [6.0]]), ["a", "b", "c"])
    encoder = Encoder(fit(signature, examples, ("vector",), wishes=Wishes(link="log")))
    (encoded,) = encoder.targets(examples, encoder.store(examples))
    np.testing.assert_allclose(encoded, [[1 / 3], [2 / 3], [2.0]], rtol=1e-6)


def test_a_negative_value_is_refused_for_a_loss_that_counts():
    signature = Signature((TensorSpec("v", "vector", "float32", (1,)),), Values(("count",)))
    examples = Examples({"v": np.zeros((2, 1), np.float32)}, np.array([[1.0], [-2.0]]), ["a", "row 7"])
    with pytest.raises(DataError, match="target 'count' is -2 in row 7"):
        fit(signature, examples, ("vector",), wishes=Wishes(link="log"))
