import numpy as np
import pytest

from zoo.contracts.targets import Boxes
from zoo.runtime.boxes import differences, overlaps, rows

TARGET = Boxes(("cat", "dog"))
SIZE = 5


def answers(*objects):
    boxes, scores = np.zeros((1, SIZE, 4)), np.zeros((1, SIZE))
    labels = np.full((1, SIZE), "", object)
    for place, (label, score, box) in enumerate(objects):
        boxes[0, place], scores[0, place], labels[0, place] = box, score, label
    return {"boxes": boxes, "labels": labels, "scores": scores, "num_objects": np.array([len(objects)])}


def apart(expected, given):
    return list(differences(TARGET, expected, given, 0.01, 1e-4))


def test_overlap_is_intersection_over_union():
    first = np.array([[0.0, 0.0, 10.0, 10.0]])
    second = np.array(
        [[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 20.0, 30.0, 30.0], [3.0, 3.0, 3.0, 3.0]]
    )
    np.testing.assert_allclose(overlaps(first, second), [[1.0, 50 / 150, 0.0, 0.0]])


def test_rows_hold_the_real_objects_only():
    found = answers(("cat", 0.75, (1, 2, 3, 4)), ("dog", 0.5, (5, 6, 7, 8)))
    assert rows(found) == [
        {
            "objects": [
                {"label": "cat", "score": 0.75, "box": [1.0, 2.0, 3.0, 4.0]},
                {"label": "dog", "score": 0.5, "box": [5.0, 6.0, 7.0, 8.0]},
            ]
        }
    ]


def test_objects_in_another_order_are_the_same():
    one, two = ("cat", 0.9, (0, 0, 9, 9)), ("dog", 0.9, (1, 1, 8, 8))
    assert apart(answers(one, two), answers(two, one)) == []


@pytest.mark.parametrize(
    "given",
    [
        (("dog", 0.9, (0, 0, 9, 9)),),
        (("cat", 0.8, (0, 0, 9, 9)),),
        (("cat", 0.9, (0, 0, 9, 9.5)),),
        (),
        (("cat", 0.9, (0, 0, 9, 9)), ("cat", 0.7, (30, 30, 40, 40))),
    ],
    ids=["label", "score", "box", "missing", "added"],
)
def test_another_label_score_box_or_number_is_a_difference(given):
    assert apart(answers(("cat", 0.9, (0, 0, 9, 9))), answers(*given))


def test_an_object_at_the_threshold_may_be_there_or_not():
    base = ("cat", 0.9, (0, 0, 9, 9))
    assert apart(answers(base, ("dog", 0.0501, (20, 20, 30, 30))), answers(base)) == []
    assert apart(answers(base, ("dog", 0.06, (20, 20, 30, 30))), answers(base))


def test_an_overlap_at_the_threshold_may_be_suppressed_or_not():
    # Shifted by 10 / 3 of 10 pixels: the overlap is (20 / 3) / (40 / 3) = 0.5.
    base, rival = ("cat", 0.9, (0, 0, 10, 10)), ("cat", 0.6, (10 / 3, 0, 10 + 10 / 3, 10))
    assert apart(answers(base, rival), answers(base)) == []
    clear = ("cat", 0.6, (5, 0, 15, 10))
    assert apart(answers(base, clear), answers(base))
