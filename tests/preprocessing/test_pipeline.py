import json

import numpy as np
import onnx
import onnxruntime
import pytest

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError, DataError, UsageError
from zoo.preprocessing import Preprocessing, fit

IMAGE = TensorSpec("image", "image", "uint8", (None, None, 1))
VECTOR = TensorSpec("v", "vector", "float32", (2,))
LABELS = np.array(["a", "b"], object)


def number(name):
    return TensorSpec(name, "number", "float64", ())


def category(name):
    return TensorSpec(name, "category", "string", ())


def fitted(specs, accepts, target=None):
    columns = {
        "image": np.zeros((2, 4, 4, 1), np.uint8),
        "vector": np.eye(2, dtype=np.float32),
        "number": np.array([1.0, 2.0]),
        "category": np.array(["x", "y"], object),
    }
    target = target or Classes(("a", "b"))
    truth = np.array([[1.0], [3.0]]) if isinstance(target, Values) else LABELS
    examples = Examples({spec.name: columns[spec.kind] for spec in specs}, truth, ["row 1", "row 2"])
    return fit(Signature(tuple(specs), target), examples, accepts)


@pytest.mark.parametrize(
    ("specs", "accepts", "kind"),
    [
        ([IMAGE], ("image", "vector"), "image"),
        ([IMAGE], ("vector", "image"), "vector"),
        ([IMAGE], ("table", "vector"), "vector"),
        ([number("n"), category("c")], ("table", "vector"), "table"),
        ([number("n")], ("image", "vector"), "vector"),
        ([VECTOR], ("table", "vector"), "vector"),
    ],
)
def test_the_first_accepted_kind_that_can_be_reached_is_chosen(specs, accepts, kind):
    assert {spec.kind for spec in fitted(specs, accepts).encoded.inputs} == {kind}


def test_a_network_that_accepts_none_of_it_is_refused():
    with pytest.raises(
        UsageError,
        match="the data gives number 'n', category 'c', which can become table or vector; the network accepts image",
    ) as caught:
        fitted([number("n"), category("c")], ("image",))
    assert "zoo list architectures --accepts table" in caught.value.fix


@pytest.mark.parametrize(
    "specs", [[IMAGE, number("n")], [VECTOR, TensorSpec("w", "vector", "float32", (2,))], []]
)
def test_inputs_that_do_not_go_together_are_refused(specs):
    with pytest.raises(UsageError, match="one image, video, text or vector, the columns of a table"):
        fitted(specs, ("image", "vector", "table"))


def test_the_encoded_signature_has_the_scores_and_the_target():
    target = Binary(("a", "b"))
    encoded = fitted([number("n")], ("vector",), target).encoded
    assert encoded.target == target
    assert encoded.outputs == (TensorSpec("scores", "binary", "float32", ()),)


@pytest.mark.parametrize("name", ["label", "probabilities", "scores", "encoded"])
def test_a_column_named_like_a_tensor_of_the_model_is_refused(name):
    with pytest.raises(
        DataError, match=f"input '{name}' has the name of another tensor in the exported model"
    ) as caught:
        fitted([number(name), number("n")], ("vector",))
    assert f'data.drop=["{name}"]' in caught.value.fix


def test_two_columns_that_would_share_an_encoded_name_are_refused():
    with pytest.raises(DataError, match="input 'encoded_c' has the name of another tensor"):
        fitted([category("c"), category("encoded_c")], ("table",))


def test_a_column_named_like_an_answer_to_another_target_is_welcome():
    fitted([number("values"), category("labels")], ("table",))


def test_a_column_without_a_name_is_refused():
    with pytest.raises(DataError, match="an input column has no name"):
        fitted([number(""), number("n")], ("vector",))


CASES = [
    ([IMAGE], "image", Classes(("a", "b"))),
    ([IMAGE], "vector", Binary(("a", "b"))),
    ([number("n"), category("c")], "table", Values(("y",))),
    ([number("n"), category("c")], "vector", Values(("y",))),
    ([VECTOR], "vector", Classes(("a", "b"))),
]


@pytest.mark.parametrize(("specs", "kind", "target"), CASES)
def test_bytes_restore_all_of_it(specs, kind, target):
    preprocessing = fitted(specs, (kind,), target)
    assert Preprocessing.from_bytes(preprocessing.to_bytes()) == preprocessing


@pytest.mark.parametrize(("specs", "kind", "target"), CASES)
def test_the_bytes_are_a_model_that_old_runtimes_load(specs, kind, target):
    preprocessing = fitted(specs, (kind,), target)
    model = onnx.load_model_from_string(preprocessing.to_bytes())
    onnx.checker.check_model(model, full_check=True)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    assert model.ir_version == 8
    assert versions[""] == 20
    assert versions.get("ai.onnx.ml", 0) <= 4
    session = onnxruntime.InferenceSession(preprocessing.to_bytes())
    assert [value.name for value in session.get_inputs()] == [spec.name for spec in preprocessing.raw.inputs]
    assert [value.name for value in session.get_outputs()] == [s.name for s in preprocessing.encoded.inputs]
    assert {value.shape[0] for value in (*session.get_inputs(), *session.get_outputs())} == {"batch"}


def test_fitting_twice_gives_the_same_bytes():
    one, other = (fitted([number("n"), category("c")], ("vector",)).to_bytes() for _ in range(2))
    assert one == other


def test_what_was_learned_is_plain_json():
    preprocessing = fitted([number("n"), category("c")], ("vector",), Values(("y",)))
    assert json.loads(json.dumps(preprocessing.fitted, allow_nan=False)) == {
        "numbers": {"n": {"mean": 1.5, "std": 0.5, "missing": False}},
        "categories": {"c": {"values": ["x", "y"], "missing": False}},
        "target": {"link": "identity", "mean": [2.0], "std": [1.0]},
    }


@pytest.mark.parametrize("data", [b"", b"not onnx", onnx.ModelProto(ir_version=8).SerializeToString()])
def test_bytes_of_something_else_are_refused(data):
    with pytest.raises(ArtifactError, match="are not a preprocessing graph of Zoo"):
        Preprocessing.from_bytes(data)


def test_truncated_bytes_are_refused():
    data = fitted([number("n")], ("vector",)).to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(ArtifactError):
            Preprocessing.from_bytes(data[:length])
