"""A network's scores to answers, written once: the ONNX graph that scores a validation split ships."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import spox
from numpy.typing import NDArray
from onnx import ModelProto

from zoo.contracts.signature import Target
from zoo.postprocessing import binary, classes, labels, values
from zoo.preprocessing.encoding import SCORES
from zoo.preprocessing.graphs import build as build_graph
from zoo.preprocessing.graphs import open_session

__all__ = ["Answers", "build"]

_ANSWERS: dict[str, Callable[[Any, spox.Var, Mapping[str, Any]], dict[str, spox.Var]]] = {
    "classes": classes.answers,
    "binary": binary.answers,
    "labels": labels.answers,
    "values": values.answers,
}


def build(target: Target, fitted: Mapping[str, Any]) -> ModelProto:
    """Builds the graph from ``scores`` to the answers of a target.

    Args:
        target: What is predicted.
        fitted: ``Preprocessing.fitted``.
    """
    scores = spox.argument(spox.Tensor(np.float32, ("batch", *target.scores_shape)))
    answers = _ANSWERS[target.kind](target, scores, fitted.get("target", {}))
    return build_graph({SCORES: scores}, answers)


class Answers:
    """Runs a postprocessing graph."""

    def __init__(self, model: ModelProto) -> None:
        self._session = open_session(model, num_threads=1)
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, scores: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Answers by name for scores ``[batch, ...]``."""
        return dict(zip(self._names, self._session.run(None, {SCORES: scores}), strict=True))
