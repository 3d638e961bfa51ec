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

from zoo.contracts.examples import Examples
from zoo.contracts.targets import (
    SCORES,
    Binary,
    Boxes,
    Classes,
    Forecast,
    Labels,
    Mask,
    Sample,
    Several,
    Target,
    Tokens,
    Values,
)
from zoo.errors import PluginError
from zoo.exporting.detections import detections
from zoo.exporting.held_out import slice_of
from zoo.exporting.segments import segments
from zoo.preprocessing import Encoder, Preprocessing, series
from zoo.runtime.answers import Answers, Reals, joined_name, split
from zoo.runtime.batches import Array, joined

Fitted = Mapping[str, Any]


class Reference:
    """The trained network behind the preprocessing that it was trained with."""

    def __init__(self, module: nn.Module, preprocessing: Preprocessing) -> None:
        self._encoder = Encoder(preprocessing)
        self._target = preprocessing.encoded.target
        self._fitted = preprocessing.fitted["target"]
        self._single = module
        self._double = copy.deepcopy(module).double()

    def answers(self, examples: Examples, batch_size: int) -> tuple[Answers, Answers]:
        """Scores and answers for raw examples in float32 and in float64, by name, ``[examples, ...]``.

        Raises:
            DataError: A picture cannot be read.
            PluginError: The network does not run in float64.
        """
        starts = range(0, len(examples), batch_size)
        parts = [self._answers(slice_of(examples, start, start + batch_size)) for start in starts]
        singles, doubles = zip(*parts, strict=True)
        return joined(singles), joined(doubles)

    def _answers(self, examples: Examples) -> tuple[Answers, Answers]:
        encoded, carried = self._encoder.whole(examples)
        tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in encoded]
        doubles = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
        with torch.no_grad():
            single = self._single(*self._with_state(tensors, torch.float32))
            try:
                double = self._double(*self._with_state(doubles, torch.float64))
            except RuntimeError as error:
                raise PluginError(
                    f"the network does not run in float64, against which its export is judged: {error}",
                    fix="let it follow the dtype of its inputs and parameters",
                ) from error
        return self._answers_to(single, carried), self._answers_to(double, carried)

    def _with_state(self, tensors: list[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
        if not isinstance(self._target, Tokens):
            return tensors
        state: tuple[torch.Tensor, ...] = self._single.initial_state(len(tensors[0]))  # type: ignore[operator]
        return [*tensors, *(each.to(dtype) for each in state)]

    def _answers_to(self, emitted: Any, carried: Mapping[str, Any]) -> dict[str, Array]:
        tensors = emitted if isinstance(emitted, tuple) else (emitted,)
        scores = {spec.name: each.numpy() for spec, each in zip(self._target.outputs, tensors, strict=False)}
        answers_ = answers(self._target, scores, carried, self._fitted)
        # The logits of every token of a text are many; what they say of the next one is all that counts.
        return answers_ if isinstance(self._target, Tokens) else {**scores, **answers_}


def answers(
    target: Target, scores: Mapping[str, Array], carried: Mapping[str, Array], fitted: Fitted
) -> dict[str, Array]:
    """Answers for what a network emits, by name, ``[batch, ...]``, computed in float64.

    Args:
        target: What is predicted.
        scores: Of a network, in any precision, by name.
        carried: What preprocessing hands past it.
        fitted: What preprocessing learned of the target: mean and deviation of values, the size of masks.
    """
    if isinstance(target, Several):
        return {
            joined_name(target, part, key): each
            for name, part, own in split(target, scores)
            for key, each in answers(part, own, carried, fitted["parts"][name]).items()
        }
    doubles = {name: np.asarray(each, np.float64) for name, each in scores.items()}
    if isinstance(target, Boxes):
        return detections(target, doubles, carried)
    if isinstance(target, Mask):
        return segments(doubles, carried, tuple(fitted["size"]), fitted["fit"])
    if isinstance(target, Tokens):
        (tokens,) = carried.values()
        return following(doubles[SCORES], tokens)
    if isinstance(target, Forecast):
        location, scale = (np.asarray(carried[name], np.float64) for name in (series.LOCATION, series.SCALE))
        return {"values": doubles[SCORES] * scale[:, np.newaxis] + location[:, np.newaxis]}
    return _of_scores(target, doubles[SCORES], fitted)


def _of_scores(target: Target, logits: Reals, fitted: Fitted) -> dict[str, Array]:
    match target:
        case Classes(labels=labels):
            probabilities = softmax(logits)
            return {
                "label": np.array(labels, object)[logits.argmax(axis=1)],
                "probabilities": probabilities,
            }
        case Binary(labels=labels):
            label = np.array(labels, object)[(logits >= 0).astype(int)]
            return {"label": label, "probability": sigmoid(logits)}
        case Labels():
            probabilities = sigmoid(logits)
            # As float32, which is what the file compares: a threshold may be a probability that occurred.
            chosen = probabilities.astype(np.float32) >= np.array(target.cuts, np.float32)
            return {"probabilities": probabilities, "labels": chosen}
        case Values():
            mean = np.array(fitted["mean"])
            if fitted["link"] == "log":
                return {"values": np.exp(logits) * mean}
            return {"values": logits * np.array(fitted["std"]) + mean}
        case Sample():
            levels = np.clip((logits + 1) * 127.5, 0, 255)
            return {target.judged_by: levels.transpose(0, 2, 3, 1)}
    raise TypeError(f"{type(target).__name__} is not a target")


def following(logits: Reals, tokens: Array) -> dict[str, Array]:
    """What a language model says of a text: of its own tokens, and of the one that follows.

    Args:
        logits: ``[batch, length, vocabulary]``.
        tokens: int64 ``[batch, length]``.

    Returns:
        ``log_likelihoods`` ``[batch, length]`` of each next token, NaN where none follows, and
        ``probabilities`` ``[batch, vocabulary]`` after the last one.
    """
    rows = np.arange(len(tokens))
    last = np.maximum((tokens != 0).sum(axis=1) - 1, 0)
    after = np.concatenate([tokens[:, 1:], np.zeros_like(tokens[:, :1])], axis=1)
    highest = logits.max(axis=2, keepdims=True)
    log_sums = np.log(np.exp(logits - highest).sum(axis=2)) + highest[:, :, 0]
    chosen = np.take_along_axis(logits, after[:, :, np.newaxis], axis=2)[:, :, 0]
    return {
        "log_likelihoods": np.where(after == 0, np.nan, chosen - log_sums),
        "probabilities": softmax(logits[rows, last]),
    }


def softmax(logits: Reals) -> Reals:
    """exp(z) over its sum along the last axis, without overflow."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(logits: Reals) -> Reals:
    """1 / (1 + exp(-x)), without overflow."""
    power = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, power) / (1.0 + power)
