"""A network's scores to answers, written once: the ONNX graph that scores a validation split ships."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import spox
from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto

from zoo.contracts.targets import Several, Target, part_name
from zoo.contracts.tensors import TensorSpec
from zoo.postprocessing import binary, boxes, classes, forecast, labels, mask, sample, tokens, values
from zoo.preprocessing import Preprocessing
from zoo.preprocessing.graphs import build as build_graph
from zoo.preprocessing.graphs import open_session

__all__ = ["Answers", "build"]

Vars = dict[str, spox.Var]
Fitted = Mapping[str, Any]

_ANSWERS: dict[str, Callable[[Any, Vars, Vars, Fitted], Vars]] = {
    "classes": classes.answers,
    "binary": binary.answers,
    "labels": labels.answers,
    "values": values.answers,
    "tokens": tokens.answers,
    "forecast": forecast.answers,
    "boxes": boxes.answers,
    "mask": mask.answers,
    "sample": sample.answers,
}


def build(preprocessing: Preprocessing, states: Sequence[TensorSpec] = ()) -> ModelProto:
    """Builds the graph from what a network emits, and what preprocessing carries past it, to the answers.

    Args:
        preprocessing: Fitted; its target is what is predicted.
        states: What a network that predicts tokens hands from one text to the next.
    """
    target, fitted = preprocessing.encoded.target, preprocessing.fitted["target"]
    scores = {spec.name: _argument(spec) for spec in target.outputs}
    carried = {
        value.name: _argument_of(value)
        for value in preprocessing.graph.graph.output
        if value.name in preprocessing.carried
    }
    emitted = {tokens.emitted_name(spec): _argument(spec) for spec in states}
    answers = _answers(target, scores, carried, fitted) | tokens.states(emitted, carried)
    return build_graph({**scores, **carried, **emitted}, answers)


def _answers(target: Target, scores: Vars, carried: Vars, fitted: Fitted) -> Vars:
    if not isinstance(target, Several):
        return _ANSWERS[target.kind](target, scores, carried, fitted)
    answers: Vars = {}
    for part, spec in zip(target.parts, target.outputs, strict=True):
        name = part_name(part)
        alone = {part.outputs[0].name: scores[spec.name]}
        for answer, value in _answers(part, alone, carried, fitted["parts"][name]).items():
            answers[f"{name}_{answer}"] = value
    return answers


def _argument(spec: TensorSpec) -> spox.Var:
    shape = tuple(f"{spec.name}_{axis}" if size is None else size for axis, size in enumerate(spec.shape))
    return spox.argument(spox.Tensor(np.dtype(spec.dtype), ("batch", *shape)))


def _argument_of(value: ValueInfoProto) -> spox.Var:
    tensor = value.type.tensor_type
    # The batch is dynamic, and so is whatever has no fixed size.
    shape = ("batch", *(size.dim_value or None for size in tensor.shape.dim[1:]))
    return spox.argument(spox.Tensor(_dtype(tensor.elem_type), shape))


def _dtype(element_type: int) -> Any:
    from onnx.helper import tensor_dtype_to_np_dtype

    return tensor_dtype_to_np_dtype(element_type)


class Answers:
    """Runs a postprocessing graph."""

    def __init__(self, model: ModelProto) -> None:
        self._session = open_session(model, num_threads=1)
        self._names = [output.name for output in self._session.get_outputs()]
        self._wanted = {given.name for given in self._session.get_inputs()}

    def __call__(
        self, scores: Mapping[str, NDArray[np.float32]], carried: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Answers by name for what a network emits, by name, ``[batch, ...]``."""
        feed = {name: value for name, value in {**scores, **carried}.items() if name in self._wanted}
        return dict(zip(self._names, self._session.run(None, feed), strict=True))
