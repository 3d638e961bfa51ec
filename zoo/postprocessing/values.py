"""Real numbers: standardised values back in their own unit, computed in double precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.signature import Values


def answers(target: Values, scores: spox.Var, fitted: Mapping[str, Any]) -> dict[str, spox.Var]:
    """``values`` float32 ``[batch, values]``."""
    scores = op.cast(scores, to=np.float64)
    mean = op.constant(value=np.array(fitted["mean"], np.float64))
    if fitted["link"] == "log":
        values = op.mul(op.exp(scores), mean)
    else:
        values = op.add(op.mul(scores, op.constant(value=np.array(fitted["std"], np.float64))), mean)
    return {"values": op.cast(values, to=np.float32)}
