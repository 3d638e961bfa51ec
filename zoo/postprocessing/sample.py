"""A generated picture: from [-1, 1] to grey levels, channels last."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Sample


def answers(
    target: Sample, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``image`` uint8 ``[batch, height, width, channels]``: (x + 1) · 127.5, clipped and rounded half to even."""
    levels = op.mul(op.add(scores[SCORES], _number(1.0)), _number(127.5))
    rounded = op.round(op.clip(levels, _number(0.0), _number(255.0)))
    return {target.judged_by: op.cast(op.transpose(rounded, perm=(0, 2, 3, 1)), to=np.uint8)}


def _number(value: float) -> spox.Var:
    return op.constant(value=np.array(value, np.float32))
