"""A label for each pixel: logits brought to the given picture's own size, and the highest taken."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, UNKNOWN_PIXEL, Mask
from zoo.preprocessing.framing import centre
from zoo.preprocessing.image import GIVEN_SIZE
from zoo.runtime.batches import Array, gather


def answers(
    target: Mask, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """The labels' places and how clear they are, at the size of the pictures, which a batch shares.

    Logits are resized linearly, from pixel middle to pixel middle. Where pictures are cropped, the rest
    has the number of what is not known, and no margin.

    Returns:
        ``mask`` uint8 and ``margin`` float32, both ``[batch, height, width]``: the place of the likeliest
        label, and by how much its probability is ahead of the next one's, 0 to 1.
    """
    given = op.cast(op.gather(carried[GIVEN_SIZE], _integer(0)), to=np.int64)
    picture = op.gather(given, _integer([1, 0]))
    is_cropped = fitted["fit"] == "crop"
    start, kept = centre(picture, tuple(fitted["size"])) if is_cropped else (None, picture)
    logits = op.resize(
        scores[SCORES],
        sizes=kept,
        axes=(2, 3),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    best = op.arg_max(logits, axis=1, keepdims=1)
    mask = op.squeeze(op.cast(best, to=np.uint8), _integer([1]))
    margin = op.squeeze(_margin(logits, best, len(target.labels)), _integer([1]))
    if start is not None:
        ends = op.sub(op.sub(picture, start), kept)
        around = op.concat([_integer([0]), start, _integer([0]), ends], axis=0)
        mask = op.pad(mask, around, op.constant(value=np.array(UNKNOWN_PIXEL, np.uint8)))
        margin = op.pad(margin, around, op.constant(value=np.array(0, np.float32)))
    return {"mask": mask, "margin": margin}


def _margin(logits: spox.Var, best: spox.Var, num_labels: int) -> spox.Var:
    """(1 - exp(z' - z)) / sum exp(z[k] - z) of the highest logit z and the next one z': ``[batch, 1, ...]``."""
    lead = op.sub(logits, op.reduce_max(logits, _integer([1]), keepdims=1))
    places = op.constant(value=np.arange(num_labels).reshape(1, -1, 1, 1))
    # By place, not by value: of two that are equal one is the next.
    others = op.where(op.equal(places, best), op.constant(value=np.array(-np.inf, np.float32)), lead)
    second = op.exp(op.reduce_max(others, _integer([1]), keepdims=1))
    total = op.reduce_sum(op.exp(lead), _integer([1]), keepdims=1)
    return op.div(op.sub(op.constant(value=np.array(1, np.float32)), second), total)


def by_size(
    answer: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Array]],
    scores: Mapping[str, Array],
    carried: Mapping[str, Array],
) -> dict[str, Array]:
    """Answers to pictures of differing sizes, which the graph takes apart from one another.

    Args:
        answer: Runs the graph.
        scores: What a network emits, by name.
        carried: The pictures' sizes.
    """
    sizes = carried[GIVEN_SIZE]
    _, groups = np.unique(sizes, axis=0, return_inverse=True)
    parts: dict[str, list[Array]] = {}
    for group in range(groups.max() + 1):
        rows = np.flatnonzero(groups.reshape(-1) == group)
        found = answer(
            {name: each[rows] for name, each in scores.items()},
            {name: each[rows] for name, each in carried.items()},
        )
        for name, each in found.items():
            whole = parts.setdefault(name, [np.empty(0)] * len(sizes))
            for row, example in zip(rows, each, strict=True):
                whole[row] = example
    return {name: gather(each) for name, each in parts.items()}


def _integer(value: int | list[int]) -> spox.Var:
    return op.constant(value=np.array(value, np.int64))
