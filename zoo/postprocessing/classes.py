"""One of several labels: softmax, and the label of the highest score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Classes


def answers(
    target: Classes, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``label`` string ``[batch]`` and ``probabilities`` ``[batch, classes]``."""
    names = op.constant(value=np.array(target.labels, object))
    best = op.arg_max(scores[SCORES], axis=1, keepdims=0)
    return {"label": op.gather(names, best), "probabilities": op.softmax(scores[SCORES], axis=1)}
