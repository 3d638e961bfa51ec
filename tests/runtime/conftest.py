"""Small sealed models, built node by node."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.contracts.certificate import Certificate
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes, Values
from zoo.contracts.tensors import TensorSpec
from zoo.runtime import golden
from zoo.runtime.seal import CERTIFICATE, property_fragment, seal

IMAGE = Signature(
    (TensorSpec("image", "image", "uint8", (None, None, 3)),), Classes(("red", "green", "blue"))
)
TABLE = Signature(
    (TensorSpec("age", "number", "float64", ()), TensorSpec("island", "category", "string", ())),
    Values(("mass", "length")),
)
VECTOR = Signature((TensorSpec("vector", "vector", "float32", (4,)),), Values(("sum",)))


def _model(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "zoo", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 4)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)


def image_model():
    """Probabilities are the softmax of a picture's mean colour in grey levels."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["scores"], keepdims=0),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["index"], axis=1, keepdims=0),
        helper.make_node(
            "LabelEncoder", ["index"], ["label"], domain="ai.onnx.ml",
            keys_int64s=[0, 1, 2], values_strings=["red", "green", "blue"],
        ),
    ]  # fmt: skip
    inputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.STRING, ["batch"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3]),
    ]
    return _model(nodes, inputs, outputs, [_constant("axes", [1, 2], np.int64)])


def table_model():
    """The mass is the age, NaN counting as 0; the length is 1 on Biscoe, else 0."""
    nodes = [
        helper.make_node("IsNaN", ["age"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "zero", "age"], ["mass"]),
        helper.make_node(
            "LabelEncoder", ["island"], ["length"], domain="ai.onnx.ml",
            keys_strings=["Biscoe"], values_floats=[1.0], default_float=0.0,
        ),
        helper.make_node("Cast", ["mass"], ["mass32"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mass32", "axis"], ["mass_column"]),
        helper.make_node("Unsqueeze", ["length", "axis"], ["length_column"]),
        helper.make_node("Concat", ["mass_column", "length_column"], ["values"], axis=1),
    ]  # fmt: skip
    inputs = [
        helper.make_tensor_value_info("age", TensorProto.DOUBLE, ["batch"]),
        helper.make_tensor_value_info("island", TensorProto.STRING, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", 2])]
    return _model(
        nodes, inputs, outputs, [_constant("zero", 0.0, np.float64), _constant("axis", [1], np.int64)]
    )


def vector_model():
    nodes = [helper.make_node("ReduceSum", ["vector", "axes"], ["values"], keepdims=1)]
    inputs = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 4])]
    outputs = [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", 1])]
    return _model(nodes, inputs, outputs, [_constant("axes", [1], np.int64)])


def certificate(signature, answers, **changes) -> Certificate:
    document = {
        "signature": signature,
        "answers": answers,
        "num_examples": 3,
        "batch_sizes": (1, 2, 7),
        "metrics": {"torch": {"accuracy": 1.0}, "onnx": {"accuracy": 1.0}},
        "max_abs_error": dict.fromkeys(answers, 0.0),
        "tolerance": dict.fromkeys(answers, (1e-6,)),
        "plugins": ({"distribution": "zoo-core", "version": "0.1.0"},),
        "recipe": {"epochs": 1},
        "weights_sha256": "0" * 64,
        "golden_sha256": "0" * 64,
        "versions": {"zoo": "0.1.0", "torch": "2.14.1", "onnxruntime": "1.32.0"},
        "opset": 20,
        "ir_version": 8,
    }
    return Certificate(**{**document, **changes})


def write(
    path: Path, model: onnx.ModelProto, signature: Signature, columns=None, expected=None, **changes
) -> Path:
    """Writes a sealed model and, where given, its golden examples."""
    if columns is not None:
        content = golden.pack(columns, expected)
        golden.golden_path(path).write_bytes(content)
        changes["golden_sha256"] = hashlib.sha256(content).hexdigest()
    answers = tuple(output.name for output in model.graph.output)
    document = json.dumps(certificate(signature, answers, **changes).to_json())
    path.write_bytes(seal(model.SerializeToString() + property_fragment(CERTIFICATE, document)))
    return path


@pytest.fixture
def image_path(tmp_path):
    columns = {"image": [np.full((2, 3, 3), (9, 3, 3), np.uint8), np.full((4, 1, 3), (0, 0, 5), np.uint8)]}
    scores = np.array([[9, 3, 3], [0, 0, 5]], np.float64)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = {"label": np.array(["red", "blue"], object), "probabilities": probabilities}
    return write(tmp_path / "cat.onnx", image_model(), IMAGE, columns, expected)


@pytest.fixture
def table_path(tmp_path):
    columns = {"age": np.array([1.5, np.nan]), "island": np.array(["Biscoe", "ünknown"], object)}
    expected = {"values": np.array([[1.5, 1.0], [0.0, 0.0]])}
    return write(tmp_path / "penguins.onnx", table_model(), TABLE, columns, expected)


@pytest.fixture
def vector_path(tmp_path):
    return write(tmp_path / "sum.onnx", vector_model(), VECTOR)


@pytest.fixture(scope="session")
def models():
    """The builders above, for tests that make models of their own."""
    return SimpleNamespace(IMAGE=IMAGE, TABLE=TABLE, image=image_model, table=table_model, write=write)
