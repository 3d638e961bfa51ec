import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import zoo.runtime
from zoo.errors import ArtifactError, DataError, EnvironmentFault
from zoo.runtime import batches
from zoo.runtime.seal import CERTIFICATE, property_fragment, seal, unseal

RED, BLUE = (200, 10, 10), (10, 10, 200)


def picture(colour, height=4, width=6):
    return np.full((height, width, 3), colour, np.uint8)


def test_an_array_of_pictures_is_answered_in_order(image_path):
    predictor = zoo.runtime.load(image_path)
    answers = predictor.predict(np.stack([picture(RED), picture(BLUE)]))
    assert answers["label"].tolist() == ["red", "blue"]
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1.0, rtol=1e-6)


def test_a_single_picture_is_a_batch_of_one(image_path):
    assert zoo.runtime.load(image_path).predict(picture(BLUE))["label"].tolist() == ["blue"]


@pytest.fixture(scope="module")
def predictor(models, tmp_path_factory):
    return zoo.runtime.load(
        models.write(tmp_path_factory.mktemp("any") / "any.onnx", models.image(), models.IMAGE)
    )


@settings(max_examples=25)
@given(
    shapes=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=20
    ),
    batch_size=st.integers(1, 7),
)
def test_pictures_of_any_sizes_keep_their_order(shapes, batch_size, predictor):
    pictures = [np.eye(3, dtype=np.uint8)[c] * 9 + np.zeros((h, w, 3), np.uint8) for h, w, c in shapes]
    answers = predictor.predict(pictures, batch_size=batch_size)
    assert answers["label"].tolist() == [("red", "green", "blue")[c] for _, _, c in shapes]


def test_a_batch_is_bounded_in_bytes(image_path, monkeypatch):
    monkeypatch.setattr(batches, "MAX_BYTES", 2 * 4 * 6 * 3)
    sizes = [len(i) for i, _ in batches.batches({"image": np.zeros((5, 4, 6, 3), np.uint8)}, 256)]
    listed = [len(i) for i, _ in batches.batches({"image": [picture(RED)] * 5}, 256)]
    assert sizes == listed == [2, 2, 1]


def test_picture_files_and_folders_are_decoded(image_path, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (7, 5), RED).save(tmp_path / "photos" / "a.png")
    Image.new("RGB", (3, 9), BLUE).save(tmp_path / "photos" / "b.png")
    predictor = zoo.runtime.load(str(image_path))
    assert predictor.predict(tmp_path / "photos")["label"].tolist() == ["red", "blue"]
    files = [str(tmp_path / "photos" / name) for name in ("b.png", "a.png")]
    assert predictor.predict(files)["label"].tolist() == ["blue", "red"]


def test_columns_frames_and_files_give_the_same_answers(table_path, tmp_path):
    predictor = zoo.runtime.load(table_path)
    ages, islands = [3.25, None, 7.0], ["Biscoe", "Dream", None]
    frame = pl.DataFrame({"age": ages, "extra": [1, 2, 3], "island": islands})
    frame.write_csv(tmp_path / "rows.csv")
    frame.write_parquet(tmp_path / "rows.parquet")
    np.savez(tmp_path / "rows.npz", age=np.array([3.25, np.nan, 7]), island=np.array(["Biscoe", "Dream", ""]))
    for inputs in (
        {"age": ages, "island": islands},
        {"age": np.array([3.25, np.nan, 7], np.float32), "island": np.array(["Biscoe", " Dream", "NA"])},
        frame,
        tmp_path / "rows.csv",
        tmp_path / "rows.parquet",
        tmp_path / "rows.npz",
    ):
        assert predictor.predict(inputs)["values"].tolist() == [[3.25, 1.0], [0.0, 0.0], [7.0, 0.0]]


def test_a_vector_may_stand_alone_or_in_a_file(vector_path, tmp_path):
    predictor = zoo.runtime.load(vector_path)
    np.savez(tmp_path / "x.npz", x=np.ones((2, 4)))
    assert predictor.predict([1, 2, 3, 4])["values"].tolist() == [[10.0]]
    assert predictor.predict(np.ones((2, 4), np.int8))["values"].tolist() == [[4.0], [4.0]]
    assert predictor.predict(tmp_path / "x.npz")["values"].tolist() == [[4.0], [4.0]]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"age": [1.0]}, r"column 'island' is missing"),
        ({"age": [1.0], "Island": ["x"]}, r"did you mean 'Island'\?"),
        ({"age": ["old"], "island": ["x"]}, r"'age': expected float64 \[batch\], found str 'old' in row 0"),
        ({"age": [[1.0]], "island": ["x"]}, r"'age': expected float64 \[batch\], found object \[1, 1\]"),
        (
            {"age": [1.0, float("inf")], "island": ["x", "y"]},
            r"column 'age', row 1: inf is not a finite number",
        ),
        ({"age": [1.0], "island": [b"x"]}, r"'island': expected string \[batch\], found bytes b'x' in row 0"),
        ({"age": [1.0], "island": "Biscoe"}, r"'island': expected string \[batch\], found str"),
        ({"age": [1.0, 2.0], "island": ["x"]}, r"differ in length: 'age' has 2, 'island' has 1"),
        ({"age": [], "island": []}, r"there is no example"),
        (np.ones(3), r"takes 2 columns \(age, island\), found one ndarray"),
    ],
)
def test_columns_that_do_not_fit_are_refused(table_path, inputs, words):
    with pytest.raises(DataError, match=words):
        zoo.runtime.load(table_path).predict(inputs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (
            np.zeros((2, 4, 6, 3), np.float32),
            r"expected uint8 \[batch, any, any, 3\], found float32 \[2, 4, 6, 3\]",
        ),
        (np.zeros((4, 6, 1), np.uint8), r"expected uint8 \[batch, any, any, 3\], found uint8 \[4, 6, 1\]"),
        (np.zeros((4, 6), np.uint8), r"found uint8 \[4, 6\]"),
        (np.zeros((0, 6, 3), np.uint8), r"found uint8 \[0, 6, 3\]"),
        ([picture(RED), picture(RED).astype(int)], r"found int64 \[4, 6, 3\] as picture 1"),
        (7, r"found int"),
        ([], r"there is no example"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(image_path, inputs, words):
    with pytest.raises(DataError, match=words):
        zoo.runtime.load(image_path).predict(inputs)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.ones((2, 5)), r"expected float32 \[batch, 4\], found float64 \[2, 5\]"),
        (["a.csv"], r"a\.csv: the model takes vector inputs, which are read from \.npz files"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(vector_path, inputs, words):
    with pytest.raises(DataError, match=words):
        zoo.runtime.load(vector_path).predict(inputs)


def test_rows_name_the_probabilities(image_path):
    predictor = zoo.runtime.load(image_path)
    (row,) = predictor.rows(predictor.predict(picture((9, 9, 9))))
    assert row["label"] == "red"
    assert row["probabilities"] == pytest.approx({"red": 1 / 3, "green": 1 / 3, "blue": 1 / 3})
    json.dumps(row)


def test_a_missing_model_names_the_file(tmp_path):
    with pytest.raises(ArtifactError, match=r"none\.onnx: no such file"):
        zoo.runtime.load(tmp_path / "none.onnx")


def test_a_damaged_model_is_refused(image_path):
    content = bytearray(image_path.read_bytes())
    content[40] ^= 1
    image_path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"cat\.onnx is damaged"):
        zoo.runtime.load(image_path)


def test_a_certificate_of_a_newer_format_says_to_upgrade(tmp_path, image_path):
    document = json.loads(
        zoo.runtime.load(image_path)._session.get_modelmeta().custom_metadata_map[CERTIFICATE]
    )
    document["format"] = 3
    newer = unseal(image_path.read_bytes()) + property_fragment(CERTIFICATE, json.dumps(document))
    image_path.write_bytes(seal(newer))
    with pytest.raises(ArtifactError, match="has format 3, this Zoo reads format 2") as caught:
        zoo.runtime.load(image_path)
    assert "upgrade zoo-core" in caught.value.fix


def test_a_model_that_this_runtime_cannot_load_is_the_environments_fault(tmp_path):
    (tmp_path / "new.onnx").write_bytes(seal(b"\x08\xff\x01"))
    with pytest.raises(EnvironmentFault, match="cannot load the model"):
        zoo.runtime.load(tmp_path / "new.onnx")


def test_predicting_imports_no_torch_and_no_registry(table_path):
    program = f"""
import sys, zoo.runtime, zoo.runtime.verify
predictor = zoo.runtime.load({str(table_path)!r})
predictor.rows(predictor.predict({{"age": [1.0], "island": ["Biscoe"]}}))
zoo.runtime.verify.verify({str(table_path)!r})
print([name for name in ("torch", "onnx", "zoo.registry", "click", "pydantic", "spox", "polars", "PIL") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert result.stdout.strip() == "[]"
