"""Forecasts: deviations of the example's own window back in their unit, computed in double precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Forecast
from zoo.preprocessing.series import LOCATION, SCALE


def answers(
    target: Forecast,
    scores: Mapping[str, spox.Var],
    carried: Mapping[str, spox.Var],
    fitted: Mapping[str, Any],
) -> dict[str, spox.Var]:
    """``values`` float32 ``[batch, horizon, channels]``: score · deviation + mean of the window."""
    location, scale = (_over_horizon(carried[name]) for name in (LOCATION, SCALE))
    values = op.add(op.mul(op.cast(scores[SCORES], to=np.float64), scale), location)
    return {"values": op.cast(values, to=np.float32)}


def _over_horizon(moment: spox.Var) -> spox.Var:
    """``[batch, channels]`` as ``[batch, 1, channels]``."""
    return op.unsqueeze(moment, op.constant(value=np.array([1], np.int64)))
