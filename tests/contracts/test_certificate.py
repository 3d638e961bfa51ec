import json
import math
from dataclasses import replace

from zoo.contracts.certificate import Certificate
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Values
from zoo.contracts.tensors import TensorSpec

CERTIFICATE = Certificate(
    signature=Signature((TensorSpec("age", "number", "float64", ()),), Values(("price", "year"))),
    answers=("values",),
    num_examples=40,
    batch_sizes=(1, 2, 7, 40),
    metrics={"torch": {"rmse": 2.5}, "onnx": {"rmse": 2.5}},
    max_abs_error={"scores": 1e-7, "values": 0.01},
    tolerance={"scores": (1e-6,), "values": (0.1, 1e-4)},
    plugins=({"distribution": "zoo-net", "version": "1.0"},),
    recipe={"epochs": 3, "data": {"name": "houses.csv"}},
    weights_sha256="a" * 64,
    golden_sha256="b" * 64,
    versions={"zoo": "0.1.0", "torch": "2.14.1", "onnxruntime": "1.32.0"},
    opset=20,
    ir_version=8,
    reading={"header": True},
)


def test_a_certificate_survives_json():
    document = json.loads(json.dumps(CERTIFICATE.to_json(), allow_nan=False))
    assert Certificate.from_json(document) == CERTIFICATE


def test_a_metric_that_is_undefined_is_undefined_when_it_is_read_again():
    undefined = {"torch": {"auroc": math.nan}, "onnx": {"auroc": math.nan}}
    document = json.loads(json.dumps(replace(CERTIFICATE, metrics=undefined).to_json(), allow_nan=False))
    assert document["metrics"]["onnx"] == {"auroc": None}
    assert math.isnan(Certificate.from_json(document).metrics["onnx"]["auroc"])


def test_the_document_says_its_format():
    assert CERTIFICATE.to_json()["format"] == 2
