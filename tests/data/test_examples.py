import dataclasses

import numpy as np
import pytest
from PIL import Image

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.data import check, concatenate, fingerprint, take
from zoo.data.examples import digests, every_example
from zoo.errors import DataError
from zoo.runtime.images import ImageFiles


@pytest.fixture
def table():
    return Examples(
        {
            "mass": np.array([1.0, np.nan, 0.0, 1.0, -0.0, np.nan]),
            "sex": np.array(["f", "", "m", "f", "m", ""], dtype=object),
        },
        np.array(["a", "b", "a", "b", "a", "b"], dtype=object),
        [f"line {i}" for i in range(6)],
    )


def test_taking_examples_keeps_columns_truth_and_places_together(table):
    taken = take(table, [2, 0])
    assert taken.inputs["mass"].tolist() == [0.0, 1.0]
    assert taken.inputs["sex"].tolist() == ["m", "f"]
    assert taken.target.tolist() == ["a", "a"]
    assert taken.ids == ["line 2", "line 0"]


def test_joining_what_was_cut_gives_the_whole(table):
    whole = concatenate([take(table, [0, 1]), take(table, [2, 3, 4, 5])])
    assert whole.ids == table.ids
    np.testing.assert_array_equal(whole.inputs["mass"], table.inputs["mass"])


def test_digests_are_equal_exactly_where_inputs_are(table):
    first, second, third, *rest = digests(table)
    assert rest == [first, third, second]
    assert len({first, second, third}) == 3


def test_digests_do_not_confuse_neighbouring_cells():
    texts = {"a": ["xy", "x"], "b": ["", "y"]}
    inputs = {name: np.array(column, dtype=object) for name, column in texts.items()}
    one, two = digests(Examples(inputs, np.zeros(2), ["1", "2"]))
    assert one != two


def test_picture_files_with_equal_bytes_are_duplicates(tmp_path):
    for name, shade in (("a", 10), ("b", 10), ("c", 20)):
        Image.new("RGB", (4, 4), (shade, 0, 0)).save(tmp_path / f"{name}.png")
    files = ImageFiles(tuple(sorted(tmp_path.iterdir())), 3)
    a, b, c = digests(Examples({"image": files}, np.zeros(3), ["a", "b", "c"]))
    assert a == b != c


def test_pictures_in_a_list_are_compared_by_shape_and_pixels():
    pictures = [np.zeros((2, 3, 1), np.uint8), np.zeros((3, 2, 1), np.uint8), np.zeros((2, 3, 1), np.uint8)]
    a, b, c = digests(Examples({"image": pictures}, np.zeros(3), ["a", "b", "c"]))
    assert a == c != b


def test_pictures_of_two_sizes_are_joined_to_a_list():
    small, large = np.zeros((2, 3, 3, 1), np.uint8), np.zeros((1, 4, 4, 1), np.uint8)
    parts = [Examples({"image": x}, np.zeros(len(x)), ["a"] * len(x)) for x in (small, large)]
    assert [picture.shape for picture in concatenate(parts).inputs["image"]] == [
        (3, 3, 1),
        (3, 3, 1),
        (4, 4, 1),
    ]


def test_a_picture_that_cannot_be_opened_is_named(tmp_path):
    files = ImageFiles((tmp_path / "gone.png",), 3)
    with pytest.raises(DataError, match=r"gone\.png: cannot be read: No such file"):
        digests(Examples({"image": files}, np.zeros(1), ["a"]))


def test_a_fingerprint_changes_with_any_cell_label_or_split(table):
    splits = Splits(Signature((), Classes(("a", "b"))), table)
    other_cell = dataclasses.replace(table, inputs={**table.inputs, "mass": np.arange(6.0)})
    other_label = dataclasses.replace(table, target=table.target[::-1])
    variants = [
        splits,
        dataclasses.replace(splits, train=other_cell),
        dataclasses.replace(splits, train=other_label),
        dataclasses.replace(splits, test=table),
        dataclasses.replace(splits, validation=table),
    ]
    assert len({fingerprint(variant) for variant in variants}) == len(variants)
    assert fingerprint(splits) == fingerprint(dataclasses.replace(splits))


def test_every_example_is_all_splits_in_order(table):
    signature = Signature((), Classes(("a", "b")))
    splits = Splits(signature, take(table, [0]), validation=None, test=take(table, [5]))
    assert every_example(splits).ids == ["line 0", "line 5"]


def test_checking_lists_the_bad_pictures_of_every_split_and_passes_tables(tmp_path, table):
    signature = Signature((), Classes(("a", "b")))
    check(Splits(signature, table))

    def split(name):
        (tmp_path / name).write_text("no picture")
        return Examples({"image": ImageFiles((tmp_path / name,), 3)}, np.zeros(1), [name])

    with pytest.raises(DataError, match=r"2 of 2 pictures cannot be read:\n.*one\.png.*\n.*two\.png: is not"):
        check(Splits(signature, split("one.png"), test=split("two.png")))
