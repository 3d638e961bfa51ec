"""What the exported file has to say: the trained network in PyTorch, its answers in plain NumPy.

The scores are computed in float32, as in training, and in float64, against which both float32 PyTorch and
the exported file are judged. The answers are written out here a second time, apart from the graph that
ships, so that a fault in that graph cannot excuse itself.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.contracts.signature import Binary, Classes, Examples, Labels, Target, Values
from zoo.errors import PluginError
from zoo.exporting.held_out import slice_of
from zoo.preprocessing import Encoder, Preprocessing
from zoo.runtime.answers import Reals
from zoo.runtime.batches import Array


class Reference:
    """The trained network behind the preprocessing that it was trained with."""

    def __init__(self, module: nn.Module, preprocessing: Preprocessing) -> None:
        self._encoder = Encoder(preprocessing)
        self._single = module
        self._double = copy.deepcopy(module).double()

    def scores(self, examples: Examples, batch_size: int) -> tuple[Array, Array]:
        """Scores of raw examples in float32 and in float64, both ``[examples, ...]``.

        Raises:
            DataError: A picture cannot be read.
            PluginError: The network does not run in float64.
        """
        starts = range(0, len(examples), batch_size)
        parts = [self._scores(slice_of(examples, start, start + batch_size)) for start in starts]
        singles, doubles = zip(*parts, strict=True)
        return np.concatenate(singles), np.concatenate(doubles)

    def _scores(self, examples: Examples) -> tuple[Array, Array]:
        encoded = self._encoder.finish(self._encoder.store(examples))
        tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in encoded]
        doubles = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
        with torch.no_grad():
            single = self._single(*tensors)
            try:
                double = self._double(*doubles)
            except RuntimeError as error:
                raise PluginError(
                    f"the network does not run in float64, against which its export is judged: {error}",
                    fix="let it follow the dtype of its inputs and parameters",
                ) from error
        return single.numpy(), double.numpy()


def answers(target: Target, scores: Array, fitted: Mapping[str, Any]) -> dict[str, Array]:
    """Answers for scores ``[batch, ...]``, computed in float64.

    Args:
        target: What is predicted.
        scores: Of a network, in any precision.
        fitted: What preprocessing learned of the target: mean and deviation of values.
    """
    logits = np.asarray(scores, np.float64)
    match target:
        case Classes(labels=labels):
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            label = np.array(labels, object)[logits.argmax(axis=1)]
            return {"label": label, "probabilities": powers / powers.sum(axis=1, keepdims=True)}
        case Binary(labels=labels):
            return {
                "label": np.array(labels, object)[(logits >= 0).astype(int)],
                "probability": sigmoid(logits),
            }
        case Labels():
            return {"probabilities": sigmoid(logits), "labels": logits >= 0}
        case Values():
            mean = np.array(fitted["mean"])
            if fitted["link"] == "log":
                return {"values": np.exp(logits) * mean}
            return {"values": logits * np.array(fitted["std"]) + mean}
    raise TypeError(f"{type(target).__name__} is not a target")


def sigmoid(logits: Reals) -> Reals:
    """1 / (1 + exp(-x)), without overflow."""
    power = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, power) / (1.0 + power)
