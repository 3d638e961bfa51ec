"""Yes or no: the sigmoid of the logit, and the second label from a probability of one half."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Binary


def answers(
    target: Binary, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``label`` string ``[batch]`` and ``probability`` of the second label ``[batch]``."""
    names = op.constant(value=np.array(target.labels, object))
    probability = op.sigmoid(scores[SCORES])
    chosen = op.greater_or_equal(probability, op.constant(value=np.array(0.5, np.float32)))
    return {"label": op.gather(names, op.cast(chosen, to=np.int64)), "probability": probability}
