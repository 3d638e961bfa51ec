"""What an exported file has to look like before anything is run."""

import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto

from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.errors import VerificationError
from zoo.preprocessing.graphs import IR_VERSION, OPSET

# The last one is ONNX Runtime's own tokenizer, which is in each of its packages.
_NEWEST = {"": OPSET, "ai.onnx": OPSET, "ai.onnx.ml": 4, "com.microsoft": 1}
_RANDOM = {
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
_DTYPES = {
    "string": TensorProto.STRING,
    **{
        name: onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in ("uint8", "float32", "float64")
    },
}


def check_form(
    model: ModelProto,
    signature: Signature,
    states: tuple[TensorSpec, ...] = (),
    *,
    places: tuple[Path, ...] = (),
) -> None:
    """Checks versions, interface and batch axis; that the file is deterministic, whole, and names no local path.

    Args:
        model: The model, without its certificate or with it.
        signature: The raw inputs and the target.
        states: What goes from one text to the next.
        places: Folders, besides the usual ones of this machine, that the bytes must not name.

    Raises:
        VerificationError: Names what is wrong.
    """
    faults = chain(
        _interface_faults(model, signature, states),
        _version_faults(model),
        _randomness_faults(model),
        _locality_faults(model, places),
    )
    for fault in faults:
        raise VerificationError(
            f"the exported model is malformed: {fault}", fix="this is a fault of the export: report it"
        )


def _version_faults(model: ModelProto) -> Iterator[str]:
    if model.ir_version != IR_VERSION:
        yield f"its IR version is {model.ir_version}, not {IR_VERSION}"
    for entry in model.opset_import:
        if entry.version > _NEWEST.get(entry.domain, 0):
            domain = entry.domain or "ai.onnx"
            yield f"it needs opset {entry.version} of {domain!r}, which not every ONNX Runtime has"


def _interface_faults(
    model: ModelProto, signature: Signature, states: tuple[TensorSpec, ...]
) -> Iterator[str]:
    inputs, outputs = list(model.graph.input), list(model.graph.output)
    given = {value.name: value.type.tensor_type.elem_type for value in inputs}
    wanted = {spec.name: _DTYPES[spec.dtype] for spec in (*signature.inputs, *states)}
    if given != wanted:
        yield f"its inputs are {given}, not {wanted}"
    names = tuple(value.name for value in outputs)
    answers = (*signature.target.answers, *(f"next_{spec.name}" for spec in states))
    if sorted(names) != sorted(answers):
        yield f"its outputs are {names}, not {answers}"
    for value in (*inputs, *outputs):
        if _batch_axis(value) != "batch":
            yield f"the first axis of {value.name!r} is {_batch_axis(value)!r}, not the dynamic 'batch'"


def _randomness_faults(model: ModelProto) -> Iterator[str]:
    """ONNX Runtime takes Dropout for the identity; other runtimes would drop."""
    for node in model.graph.node:
        is_training = any(each.name == "training_mode" and each.i for each in node.attribute)
        if node.op_type in _RANDOM or is_training:
            yield f"the {node.op_type} {node.name!r} belongs to training"


def _locality_faults(model: ModelProto, places: tuple[Path, ...]) -> Iterator[str]:
    for tensor in model.graph.initializer:
        if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
            yield f"the tensor {tensor.name!r} is stored in another file"
    for place in local_paths(model, places):
        yield f"its bytes name the local folder {place}"


def _batch_axis(value: ValueInfoProto) -> str:
    dimensions = value.type.tensor_type.shape.dim
    return str(dimensions[0].dim_param or dimensions[0].dim_value) if dimensions else "missing"


def local_paths(model: ModelProto, places: tuple[Path, ...] = ()) -> list[str]:
    """Folders of this machine that the bytes of a model name, its weights left aside."""
    bare = ModelProto()
    bare.CopyFrom(model)
    for tensor in bare.graph.initializer:
        tensor.ClearField("raw_data")
    content = bare.SerializeToString()
    usual = (
        Path.home(),
        Path.cwd(),
        Path(sys.prefix),
        Path(sysconfig.get_path("purelib")),
        Path(tempfile.gettempdir()),
    )
    names = {
        str(place.absolute()) for place in (*usual, *places) if place.absolute().parent != place.absolute()
    }
    return sorted(name for name in names if f"{name}/".encode() in content)
