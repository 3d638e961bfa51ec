import subprocess
import sys

import numpy as np
import pytest

from zoo.builtin import datasets
from zoo.plugin import Binary, Classes, Values

TABLES = [
    # Rows, columns and counts by label as the UCI repository gives them.
    (datasets.iris, 150, 4, {"setosa": 50, "versicolor": 50, "virginica": 50}),
    (datasets.wine, 178, 13, {"class_0": 59, "class_1": 71, "class_2": 48}),
    (datasets.breast_cancer, 569, 30, {"benign": 357, "malignant": 212}),
]


@pytest.mark.parametrize(("factory", "num_rows", "num_columns", "counts"), TABLES)
def test_a_table_has_its_published_size_and_labels(factory, num_rows, num_columns, counts):
    splits = factory()
    assert len(splits.train) == num_rows
    assert len(splits.signature.inputs) == num_columns
    labels, occurrences = np.unique(splits.train.target.astype(str), return_counts=True)
    assert dict(zip(labels.tolist(), occurrences.tolist(), strict=True)) == counts
    assert set(splits.signature.target.labels) == set(counts)


@pytest.mark.parametrize(
    "factory", [datasets.iris, datasets.wine, datasets.breast_cancer, datasets.diabetes, datasets.digits]
)
def test_examples_are_raw_and_fit_their_signature(factory):
    splits = factory()
    assert splits.validation is None
    assert splits.test is None
    assert {spec.name for spec in splits.signature.inputs} == set(splits.train.inputs)
    for spec in splits.signature.inputs:
        column = splits.train.inputs[spec.name]
        assert column.dtype == spec.dtype
        assert len(column) == len(splits.train)
        # Pictures may be of any height and width, and so may those that the model is given later.
        assert all(known in (None, size) for known, size in zip(spec.shape, column.shape[1:], strict=True))
    assert len(splits.train.target) == len(splits.train)
    assert len(set(splits.train.ids)) == len(splits.train)


def test_digits_are_bytes_from_paper_to_ink():
    splits = datasets.digits()
    pixels = splits.train.inputs["image"]
    assert pixels.shape == (1797, 8, 8, 1)
    # First row of the first scan: 0 0 5 13 9 1 0 0 of 16.
    assert pixels[0, 0, :, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert splits.signature.target == Classes(tuple("0123456789"), name="digit")
    assert splits.train.target[:3].tolist() == ["0", "1", "2"]
    assert splits.train.ids[17] == "digits 17"


def test_digits_are_those_of_scikit_learn_and_read_without_its_import():
    program = (
        "import sys\n"
        "from zoo.builtin.datasets import digits\n"
        "train = digits().train\n"
        "assert not {'sklearn', 'scipy'} & set(sys.modules)\n"
        "from sklearn.datasets import load_digits\n"
        "data = load_digits()\n"
        "assert (train.inputs['image'][..., 0] * (16 / 255)).round().tolist() == data.images.tolist()\n"
        "assert [int(label) for label in train.target] == data.target.tolist()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_labels_are_text():
    assert all(type(label) is str for label in datasets.iris().train.target)
    assert all(type(label) is str for label in datasets.digits().train.target)


def test_malignant_is_the_positive_answer():
    splits = datasets.breast_cancer()
    assert splits.signature.target == Binary(("benign", "malignant"), name="diagnosis")
    # Patient 842302, the first row, has a malignant tumour with a mean radius of 17.99.
    assert splits.train.target[0] == "malignant"
    assert splits.train.inputs["mean radius"][0] == 17.99


def test_diabetes_is_in_its_own_units():
    splits = datasets.diabetes()
    assert splits.signature.target == Values(("progression",))
    assert splits.train.target.shape == (442, 1)
    assert splits.train.target.dtype == np.float64
    assert splits.train.target[0, 0] == 151.0
    assert splits.train.inputs["age"][0] == 59.0
