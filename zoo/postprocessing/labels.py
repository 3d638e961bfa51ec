"""Several yes-or-no answers at once: a sigmoid each, chosen from a threshold of its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Labels


def answers(
    target: Labels, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``probabilities`` and ``labels``, bool where chosen, both ``[batch, labels]``."""
    thresholds = op.constant(value=np.array(target.cuts, np.float32))
    probabilities = op.sigmoid(scores[SCORES])
    return {"probabilities": probabilities, "labels": op.greater_or_equal(probabilities, thresholds)}
