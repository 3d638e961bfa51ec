"""Objects in a picture: dense scores and boxes, suppressed and sorted in the graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import Boxes
from zoo.preprocessing.image import GIVEN_SIZE, RATIO


def answers(
    target: Boxes, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """Boxes, labels and scores, ``max_objects`` a picture, padded behind the last of ``num_objects``.

    A box's score is sqrt(s(class) · s(quality)); each label is suppressed by itself, and what is left of
    all labels is sorted by score.

    Returns:
        ``boxes`` float32 ``[batch, objects, 4]``: left, top, right, bottom in pixels of the given picture,
        clipped to it; ``labels`` string and ``scores`` float32 ``[batch, objects]``; ``num_objects`` int64
        ``[batch]``.
    """
    given = scores["location_boxes"]
    dense = _scores(scores["class_scores"], scores["qualities"])
    kept = _suppressed(target, given, dense)
    num_locations = op.gather(op.shape(given), _integer(1))
    best, places = _highest(kept, target.max_objects)
    is_real = op.greater(best, _number(0.0))
    label = op.where(is_real, op.div(places, num_locations), _integer(len(target.labels)))
    names = op.constant(value=np.array([*target.labels, ""], object))
    boxes = _at(given, op.mod(places, num_locations))
    return {
        "boxes": _in_picture(boxes, is_real, carried),
        "labels": op.gather(names, label),
        "scores": best,
        "num_objects": op.reduce_sum(op.cast(is_real, to=np.int64), _integer([1]), keepdims=0),
    }


def _scores(classes: spox.Var, qualities: spox.Var) -> spox.Var:
    """Float32 ``[batch, labels, locations]``."""
    joint = op.mul(op.sigmoid(classes), op.sigmoid(op.unsqueeze(qualities, _integer([2]))))
    return op.transpose(op.sqrt(joint), perm=(0, 2, 1))


def _suppressed(target: Boxes, boxes: spox.Var, scores: spox.Var) -> spox.Var:
    """The scores with 0 wherever a box is not kept."""
    kept = op.non_max_suppression(
        boxes,
        scores,
        _integer(target.max_objects),
        _number(target.iou_threshold),
        _number(target.score_threshold),
    )
    nothing = op.mul(scores, _number(0.0))
    return op.scatter_nd(nothing, kept, op.gather_nd(scores, kept))


def _highest(scores: spox.Var, count: int) -> tuple[spox.Var, spox.Var]:
    """The highest scores of each picture and their places among ``labels * locations``, best first."""
    flat = op.flatten(scores, axis=1)
    # There may be fewer places than objects are asked for.
    padded = op.pad(flat, _integer([0, 0, 0, count]), _number(0.0))
    best, places = op.top_k(padded, _integer([count]), axis=1)
    return best, places


def _at(boxes: spox.Var, places: spox.Var) -> spox.Var:
    """The boxes at places ``[batch, objects]``: ``[batch, objects, 4]``."""
    columns = op.unsqueeze(places, _integer([2]))
    shape = op.concat([op.shape(places), _integer([4])], axis=0)
    return op.gather_elements(boxes, op.expand(columns, shape), axis=1)


def _in_picture(boxes: spox.Var, is_real: spox.Var, carried: Mapping[str, spox.Var]) -> spox.Var:
    """Boxes in pixels of the given picture, within it; zeros where there is no object."""
    ratio, size = (
        op.unsqueeze(op.concat([carried[name], carried[name]], axis=1), _integer([1]))
        for name in (RATIO, GIVEN_SIZE)
    )
    scaled = op.min([op.max([op.mul(boxes, ratio), _number(0.0)]), size])
    return op.where(op.unsqueeze(is_real, _integer([2])), scaled, _number(0.0))


def _integer(value: int | list[int]) -> spox.Var:
    return op.constant(value=np.array(value, np.int64))


def _number(value: float) -> spox.Var:
    return op.constant(value=np.array(value, np.float32))
