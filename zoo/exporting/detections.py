"""What dense scores and boxes amount to, in plain NumPy and float64: apart from the graph that ships."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.targets import Boxes
from zoo.preprocessing.image import GIVEN_SIZE, RATIO
from zoo.runtime.answers import Reals
from zoo.runtime.batches import Array
from zoo.runtime.boxes import overlaps


def detections(target: Boxes, scores: Mapping[str, Reals], carried: Mapping[str, Array]) -> dict[str, Array]:
    """The objects of each picture, padded to ``max_objects``, as the exported file answers them.

    Args:
        target: Labels and thresholds.
        scores: ``class_scores`` ``[batch, locations, labels]``, ``location_boxes`` and ``qualities``.
        carried: Size of each given picture, and that over the network's.
    """
    classes, boxes = _sigmoid(scores["class_scores"]), scores["location_boxes"]
    joint = np.sqrt(classes * _sigmoid(scores["qualities"])[:, :, np.newaxis])
    ratio, size = (np.tile(np.asarray(carried[name], np.float64), 2) for name in (RATIO, GIVEN_SIZE))
    found = [
        _of_picture(target, joint[place], boxes[place], ratio[place], size[place])
        for place in range(len(boxes))
    ]
    names = ("boxes", "labels", "scores", "num_objects")
    return dict(zip(names, (np.stack(column) for column in zip(*found, strict=True)), strict=True))


def _of_picture(
    target: Boxes, scores: Reals, boxes: Reals, ratio: Reals, size: Reals
) -> tuple[Reals, NDArray[np.object_], Reals, NDArray[np.int64]]:
    kept = [
        (float(scores[place, label]), label, place)
        for label in range(len(target.labels))
        for place in suppress(boxes, scores[:, label], target)
    ]
    kept = sorted(kept, key=lambda each: (-each[0], each[1], each[2]))[: target.max_objects]
    padded_boxes = np.zeros((target.max_objects, 4))
    padded_labels = np.full(target.max_objects, "", object)
    padded_scores = np.zeros(target.max_objects)
    for row, (score, label, place) in enumerate(kept):
        padded_boxes[row] = np.clip(boxes[place] * ratio, 0.0, size)
        padded_labels[row], padded_scores[row] = target.labels[label], score
    return padded_boxes, padded_labels, padded_scores, np.array(len(kept), np.int64)


def suppress(boxes: Reals, scores: Reals, target: Boxes) -> list[int]:
    """Places that stay of one label: from the best on, what overlaps none that stayed by too much."""
    candidates = np.flatnonzero(scores > target.score_threshold)
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    kept: list[int] = []
    while len(order) and len(kept) < target.max_objects:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best : best + 1], boxes[order])[0] <= target.iou_threshold]
    return kept


def _sigmoid(logits: Reals) -> Reals:
    power = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, power) / (1.0 + power)
