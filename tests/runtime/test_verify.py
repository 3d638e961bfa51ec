import numpy as np
import pytest

from zoo.errors import ArtifactError, VerificationError
from zoo.runtime.golden import golden_path
from zoo.runtime.verify import verify


def test_golden_pictures_of_different_sizes_are_replayed(image_path):
    verification = verify(image_path)
    assert verification.num_examples == 2
    assert 0 <= verification.max_abs_error["probabilities"] <= 1e-6
    assert verification.tolerance == {"probabilities": (1e-6,)}


def test_golden_rows_with_missing_values_and_strings_are_replayed(table_path):
    verification = verify(table_path)
    assert verification.max_abs_error == {"values": 0.0}


def test_missing_golden_examples_name_the_file(image_path):
    golden_path(image_path).unlink()
    with pytest.raises(
        ArtifactError, match=r"cat\.golden\.npz is missing: it belongs beside cat\.onnx"
    ) as caught:
        verify(image_path)
    assert "copy both files" in caught.value.fix


def test_golden_examples_of_another_model_are_refused(image_path, table_path):
    golden_path(image_path).write_bytes(golden_path(table_path).read_bytes())
    with pytest.raises(ArtifactError, match=r"cat\.golden\.npz is damaged, or belongs to another model"):
        verify(image_path)


@pytest.mark.parametrize("place", [0, 50, -1])
def test_damaged_golden_examples_are_refused(image_path, place):
    content = bytearray(golden_path(image_path).read_bytes())
    content[place] ^= 4
    golden_path(image_path).write_bytes(content)
    with pytest.raises(ArtifactError, match="is damaged"):
        verify(image_path)


PICTURES = {"image": np.array([[[[9, 3, 3]]], [[[0, 0, 5]]]], np.uint8)}
POWERS = np.exp([[9.0, 3.0, 3.0], [0.0, 0.0, 5.0]])
PROBABILITIES = POWERS / POWERS.sum(axis=1, keepdims=True)


def test_another_label_than_the_golden_one_is_a_failed_verification(models, tmp_path):
    expected = {"label": np.array(["red", "green"], object), "probabilities": PROBABILITIES}
    path = models.write(tmp_path / "cat.onnx", models.image(), models.IMAGE, PICTURES, expected)
    with pytest.raises(
        VerificationError, match="golden example 1 differently here: label: expected green, found blue"
    ):
        verify(path)


def test_a_value_beyond_the_tolerance_is_a_failed_verification(models, tmp_path):
    expected = {
        "label": np.array(["red", "blue"], object),
        "probabilities": PROBABILITIES + np.array([[0, 0, 0], [0, 1e-4, 0]]),
    }
    path = models.write(tmp_path / "cat.onnx", models.image(), models.IMAGE, PICTURES, expected)
    with pytest.raises(
        VerificationError, match=r"probabilities: value 1: .* error 0\.0001, tolerance 1e-06"
    ) as caught:
        verify(path)
    assert caught.value.exit_code == 8
    assert "1.32.0" in caught.value.fix


def test_a_tie_may_go_either_way(models, tmp_path):
    expected = {"label": np.array(["blue"], object), "probabilities": np.full((1, 3), 1 / 3)}
    path = models.write(
        tmp_path / "cat.onnx",
        models.image(),
        models.IMAGE,
        {"image": np.zeros((1, 2, 2, 3), np.uint8)},
        expected,
    )
    assert verify(path).num_examples == 1


def test_an_answer_that_is_not_a_number_is_a_failed_verification(models, tmp_path):

    columns = {"age": np.array([1.0]), "island": np.array([""], object)}
    path = models.write(
        tmp_path / "t.onnx", models.table(), models.TABLE, columns, {"values": np.array([[np.nan, 0.0]])}
    )
    with pytest.raises(VerificationError, match="value 0: expected nan, found 1"):
        verify(path)
