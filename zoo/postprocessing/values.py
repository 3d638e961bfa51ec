"""Real numbers: standardised values back in their own unit, computed in double precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Values


def answers(
    target: Values, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``values`` float32 ``[batch, values]``."""
    doubles = op.cast(scores[SCORES], to=np.float64)
    mean = op.constant(value=np.array(fitted["mean"], np.float64))
    if fitted["link"] == "log":
        values = op.mul(op.exp(doubles), mean)
    else:
        values = op.add(op.mul(doubles, op.constant(value=np.array(fitted["std"], np.float64))), mean)
    return {"values": op.cast(values, to=np.float32)}
