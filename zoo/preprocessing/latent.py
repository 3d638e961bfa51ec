"""What a generator starts from: a latent vector as it is, and the label that is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.preprocessing.encoding import Encoding, encoded_name
from zoo.preprocessing.graphs import build
from zoo.preprocessing.table import number_categories


def fit(specs: Sequence[TensorSpec], train: Examples) -> Encoding:
    """Numbers the known labels, where there is one to ask for; a latent vector needs nothing.

    Args:
        specs: A ``latent`` vector ``[size]``, and a ``category`` or nothing.
        train: The training split.
    """
    latent, *conditions = specs
    inputs: dict[str, spox.Var] = {
        latent.name: spox.argument(spox.Tensor(np.float32, ("batch", *latent.shape)))
    }
    outputs = {encoded_name(latent.name): op.identity(inputs[latent.name])}
    encoded = [TensorSpec(encoded_name(latent.name), "latent", "float32", latent.shape)]
    statistics: dict[str, Any] = {}
    for spec in conditions:
        known = sorted(set(train.inputs[spec.name]))
        inputs[spec.name] = spox.argument(spox.Tensor(str, ("batch",)))
        outputs[encoded_name(spec.name)], num_values = number_categories(inputs[spec.name], known)
        encoded.append(TensorSpec(encoded_name(spec.name), "category", "int64", (), num_values))
        statistics[spec.name] = {"values": known}
    return Encoding(tuple(encoded), statistics, build(inputs, outputs), tuple(outputs))
