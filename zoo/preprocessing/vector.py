"""Vectors: each element standardised in double precision; one that never varied in training is 0."""

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.encoding import Encoding, check_finite, encoded_name, moments, reciprocals
from zoo.preprocessing.graphs import build


def fit(spec: TensorSpec, train: Examples) -> Encoding:
    """Learns each element's mean and deviation and builds the graph.

    Raises:
        DataError: A value is missing or infinite, or the array has another shape than its signature.
    """
    values = np.asarray(train.inputs[spec.name])
    if values.shape != (len(train), *spec.shape):
        raise DataError(
            f"input {spec.name!r} has shape {list(values.shape)}; {[len(train), *spec.shape]} was declared"
        )
    check_finite(spec, values, train.ids)
    mean, std = moments(f"input {spec.name!r}", values)
    raw = spox.argument(spox.Tensor(np.float32, ("batch", *spec.shape)))
    centred = op.sub(op.cast(raw, to=np.float64), op.constant(value=mean))
    scaled = op.cast(op.mul(centred, op.constant(value=reciprocals(std))), to=np.float32)
    name = encoded_name(spec.name)
    return Encoding(
        (TensorSpec(name, "vector", "float32", spec.shape),),
        {"mean": mean.tolist(), "std": std.tolist()},
        build({spec.name: raw}, {name: scaled}),
        (name,),
    )
