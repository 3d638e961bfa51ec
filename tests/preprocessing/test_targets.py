import numpy as np
import pytest
from onnx import ModelProto

from zoo.contracts.examples import Examples, Objects
from zoo.contracts.targets import Boxes, Classes, Sample, Several, Tokens, Values
from zoo.errors import DataError
from zoo.preprocessing import targets
from zoo.preprocessing.encoding import Encoding
from zoo.preprocessing.image import RATIO, Geometry
from zoo.preprocessing.ragged import Ragged

NOTHING = Encoding((), {"vocabulary": ["", "?", "a", "b"]}, ModelProto(), ())
NONE = np.empty(0)


def encoded(target, truth, *, carried=None, first=NONE):
    examples = Examples({}, truth, [f"row {place}" for place in range(len(truth))])
    complete, fitted = targets.fit(target, examples, NOTHING, Geometry(), "identity")
    columns = targets.encode(complete, fitted, examples, carried or {}, first)
    whole = [column.all() if isinstance(column, Ragged) else column for column in columns]
    return complete, targets.finish(complete, whole)


def test_the_next_token_follows_each_and_nothing_follows_the_last():
    rows = [np.array([2, 3, 3]), np.array([], np.int64), np.array([3])]
    texts = np.array(["abb", "", "b"], object)
    target, (following,) = encoded(
        Tokens(), texts, first=Ragged.of_rows([row.astype(np.int64) for row in rows])
    )
    assert target.vocabulary == ("", "?", "a", "b")
    assert following.tolist() == [[3, 3, 0], [0, 0, 0], [0, 0, 0]]


def test_boxes_are_in_pixels_of_the_network_and_crowds_are_left_out():
    truth = np.empty(2, object)
    truth[0] = Objects(
        ("cat", "dog"), np.array([[10.0, 20, 30, 40], [0, 0, 50, 60]]), np.array([False, True])
    )
    truth[1] = Objects((), np.zeros((0, 4)), np.zeros(0, bool))
    ratio = {RATIO: np.array([[2.0, 4.0], [1.0, 1.0]], np.float32)}
    _, (labels, boxes) = encoded(Boxes(("ape", "cat", "dog")), truth, carried=ratio)
    assert labels.tolist() == [[1], [-1]]
    assert boxes.tolist() == [[[5, 5, 15, 10]], [[0, 0, 0, 0]]]


def test_a_label_of_a_box_that_is_not_known_is_named():
    truth = np.empty(1, object)
    truth[0] = Objects(("cow",), np.array([[0.0, 0, 1, 1]]), np.array([False]))
    with pytest.raises(DataError, match="label 'cow' in row 0 is not one of the 1 labels"):
        encoded(Boxes(("cat",)), truth, carried={RATIO: np.ones((1, 2), np.float32)})


def test_pictures_to_imitate_lie_between_minus_one_and_one_with_channels_first():
    pictures = np.zeros((2, 4, 6, 3), np.uint8)
    pictures[1] = 255
    target, (real,) = encoded(Sample(3), pictures)
    assert target.size == (4, 6)
    assert real.shape == (2, 3, 4, 6)
    assert (real[0] == -1).all()
    assert (real[1] == 1).all()


def test_a_part_that_is_not_known_is_marked():
    target = Several((Classes(("a", "b"), name="kind"), Values(("price",))))
    truth = {"kind": np.array(["b", "", "a"], object), "price": np.array([1.0, 3.0, np.nan])}
    examples = Examples({}, truth, ["x", "y", "z"])
    complete, fitted = targets.fit(target, examples, NOTHING, Geometry(), "identity")
    kind, price = targets.encode(complete, fitted, examples, {}, NONE)
    assert kind.tolist() == [1, targets.UNKNOWN_CLASS, 0]
    np.testing.assert_array_equal(price[:, 0], [-1, 1, np.nan])
