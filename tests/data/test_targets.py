import numpy as np
import pytest

from zoo.contracts.targets import Binary, Classes, Labels, Several, Values
from zoo.data.targets import TargetColumn, column_names, encode, infer, label_target, ordered
from zoo.errors import DataError, UsageError

NAN = float("nan")


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


def test_several_columns_of_different_kinds_are_several_targets():
    columns = [
        text("cat", "dog", "cow", name="animal"),
        numeric(1.5, NAN, 3, name="weight"),
        text("male", "", "female", name="sex"),
    ]
    target = infer(columns, "auto")
    assert target == Several(
        (Classes(("cat", "cow", "dog"), "animal"), Values(("weight",)), Binary(("female", "male"), "sex"))
    )
    assert column_names(target) == ("animal", "weight", "sex")
    truth = encode(target, columns, ["a", "b", "c"])
    assert truth["animal"].tolist() == ["cat", "dog", "cow"]
    np.testing.assert_array_equal(truth["weight"], [[1.5], [NAN], [3]])
    assert truth["sex"].tolist() == ["male", "", "female"]


def test_labels_may_be_unknown_for_some_examples():
    columns = [numeric(0, NAN, 1, name="toxic"), text("no", "yes", "", name="rude")]
    columns[0] = TargetColumn("toxic", np.array(["0", "", "1"], dtype=object), columns[0].numbers)
    target = infer(columns, "auto")
    assert target == Labels(("toxic", "rude"))
    np.testing.assert_array_equal(encode(target, columns, ["a", "b", "c"]), [[0, 0], [NAN, 1], [1, NAN]])


def test_a_column_may_list_its_labels():
    column = text("joy, anger", "anger", "fear,joy", name="felt")
    target = infer([column], "labels")
    assert target == Labels(("anger", "fear", "joy"), "felt")
    assert column_names(target) == ("felt",)
    truth = encode(target, [column], ["a", "b", "c"])
    assert truth.dtype == bool
    assert truth.tolist() == [[True, False, True], [True, False, False], [False, True, True]]


def test_labels_are_listed_by_name_or_by_number():
    column = text("1,2", "joy", "0", name="felt")
    target = infer([column], "labels", ["joy", "fear", "anger"])
    assert target == Labels(("joy", "fear", "anger"), "felt")
    assert encode(target, [column], ["a", "b", "c"]).astype(int).tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("label", ["4", "-1", "jy", "1.0"])
def test_a_label_that_is_not_known_is_named_with_its_example(label):
    target = Labels(("joy", "fear"), "felt")
    with pytest.raises(
        DataError, match=f"row 2: label '{label}' of 'felt' is none of the 2 labels"
    ) as caught:
        encode(target, [text("joy", f"fear,{label}", name="felt")], ["row 1", "row 2"])
    assert "a number from 0 to 1" in caught.value.fix


def test_a_list_of_one_label_or_of_a_label_a_row_is_refused():
    with pytest.raises(DataError, match=r"'y' lists 1 labels \(perhaps\)"):
        infer([text("perhaps", "perhaps")], "labels")
    with pytest.raises(DataError, match="'y' lists 30 labels in 30 rows"):
        infer([text(*(f"word {row}" for row in range(30)))], "labels")


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
        infer([text("yes", "perhaps"), text("no", "yes", name="z")], "labels")


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
