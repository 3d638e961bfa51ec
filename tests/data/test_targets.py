import numpy as np
import pytest

from zoo.contracts.signature import Binary, Classes, Labels, Values
from zoo.data.targets import TargetColumn, column_names, encode, infer, label_target, ordered
from zoo.errors import DataError, UsageError


def text(*labels, name="y"):
    return TargetColumn(name, np.array(labels, dtype=object))


def numeric(*values, name="y"):
    return TargetColumn(
        name, np.array([f"{value:g}" for value in values], dtype=object), np.array(values, float)
    )


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (text("b", "a", "c"), Classes(("a", "b", "c"), "y")),
        (text("spam", "ham"), Binary(("ham", "spam"), "y")),
        (text("yes", "no"), Binary(("no", "yes"), "y")),
        (text("true", "unsure"), Binary(("unsure", "true"), "y")),
        (numeric(0, 1, 1), Binary(("0", "1"), "y")),
        (numeric(1, -1), Binary(("-1", "1"), "y")),
        (numeric(3, 4, 5), Values(("y",))),
        (numeric(0.5, 1.5), Values(("y",))),
    ],
)
def test_one_column_decides_what_is_predicted(column, expected):
    assert infer([column], "auto") == expected


def test_several_columns_of_yes_and_no_are_labels():
    columns = [numeric(0, 1, 1, name="toxic"), text("No", "YES", "no", name="rude")]
    target = infer(columns, "auto")
    assert target == Labels(("toxic", "rude"))
    assert encode(target, columns, ["a", "b", "c"]).tolist() == [[False, False], [True, True], [True, False]]


def test_several_columns_of_numbers_are_values():
    columns = [numeric(0, 1, name="p"), numeric(2.5, 3, name="q")]
    target = infer(columns, "auto")
    assert target == Values(("p", "q"))
    assert encode(target, columns, ["a", "b"]).tolist() == [[0, 2.5], [1, 3]]


def test_columns_that_do_not_fit_together_are_a_usage_error():
    with pytest.raises(UsageError, match="neither all yes or no nor all numbers: see 'word'"):
        infer([numeric(1, 2), text("a", "b", name="word")], "auto")


def test_whole_numbers_are_classes_when_asked():
    assert infer([numeric(10, 9, 5)], "classes") == Classes(("5", "9", "10"), "y")
    assert infer([text("a", "b")], "classes") == Classes(("a", "b"), "y")


def test_one_class_is_refused():
    with pytest.raises(DataError, match="'y' is 'cat' in every training example"):
        infer([text("cat", "cat")], "auto")


def test_three_labels_are_not_binary():
    with pytest.raises(DataError, match=r"'y' has 3 labels \(a, b, c\), binary has two"):
        infer([text("a", "b", "c")], "binary")


def test_text_is_not_values():
    with pytest.raises(DataError, match="'y' is not numeric: it holds 'a'"):
        infer([text("a", "b")], "values")


def test_a_label_column_must_say_yes_or_no():
    with pytest.raises(DataError, match="label 'y' holds 'perhaps', which is neither yes nor no"):
        infer([text("yes", "perhaps")], "labels")


def test_two_columns_are_not_classes():
    with pytest.raises(UsageError, match="target_type=classes takes one target column, not 2"):
        infer([text("a", "b"), text("a", "b")], "classes")


def test_a_label_for_almost_every_row_is_refused():
    with pytest.raises(DataError, match="'y' has 30 labels in 30 rows"):
        infer([text(*(f"name {i}" for i in range(30)))], "auto")


def test_an_unseen_label_names_the_example_and_the_nearest_label():
    target = label_target(text("cat", "dog", "cow"))
    with pytest.raises(DataError, match="row 2: label 'dgo' does not occur in the training data") as caught:
        encode(target, [text("cat", "dgo")], ["row 1", "row 2"])
    assert caught.value.fix == "did you mean 'dog'?"


def test_numbers_are_ordered_by_size_and_words_by_alphabet():
    assert ordered({"10", "9", "-1"}) == ("-1", "9", "10")
    assert ordered({"10", "9", "a"}) == ("10", "9", "a")


def test_a_target_names_its_columns():
    assert column_names(Binary(("a", "b"), "z")) == ("z",)
    assert column_names(Labels(("a", "b"))) == ("a", "b")
    assert column_names(Values(("v",))) == ("v",)
