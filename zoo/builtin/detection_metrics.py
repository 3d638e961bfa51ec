"""Mean average precision of objects in pictures, by COCO's rules (torchmetrics)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.detection import MeanAveragePrecision

from zoo.plugin import Boxes, Objects


def mean_average_precision(target: Boxes) -> Metric:
    """Mean over labels and over overlaps of 0.5, 0.55 … 0.95 of the average precision."""
    return BoxPrecision(target, "map")


def mean_average_precision_50(target: Boxes) -> Metric:
    """Mean over labels of the average precision at an overlap of 0.5."""
    return BoxPrecision(target, "map_50")


class BoxPrecision(Metric):
    """A figure of COCO's evaluation from padded answers.

    Args:
        target: The labels.
        figure: Its name in ``torchmetrics``.
    """

    full_state_update = False

    def __init__(self, target: Boxes, figure: str) -> None:
        super().__init__()
        self._places = {label: place for place, label in enumerate(target.labels)}
        self._figure = figure
        self._precision = MeanAveragePrecision(
            backend="faster_coco_eval", max_detection_thresholds=[1, 10, 100]
        )
        self._precision.warn_on_many_detections = False

    def update(self, answers: Mapping[str, Any], truth: Sequence[Objects]) -> None:
        """Adds a batch: ``boxes``, ``labels``, ``scores`` and ``num_objects``, and what is in the pictures."""
        found = [self._found(answers, place) for place in range(len(truth))]
        self._precision.update(found, [self._true(objects) for objects in truth])

    def compute(self) -> Tensor:
        """The figure of all pictures so far; not a number where none holds an object."""
        value = self._precision.compute()[self._figure].double()
        return torch.where(value < 0, torch.nan, value)

    def reset(self) -> None:
        """Forgets all pictures."""
        super().reset()
        self._precision.reset()

    def _found(self, answers: Mapping[str, Any], place: int) -> dict[str, Tensor]:
        count = int(answers["num_objects"][place])
        return {
            "boxes": torch.as_tensor(np.asarray(answers["boxes"][place][:count], np.float32)).reshape(-1, 4),
            "scores": torch.as_tensor(np.asarray(answers["scores"][place][:count], np.float32)),
            "labels": self._numbered(answers["labels"][place][:count]),
        }

    def _true(self, objects: Objects) -> dict[str, Tensor]:
        return {
            "boxes": torch.as_tensor(np.asarray(objects.boxes, np.float32)).reshape(-1, 4),
            "labels": self._numbered(objects.labels),
            "iscrowd": torch.as_tensor(np.asarray(objects.crowd, np.int64)).reshape(-1),
        }

    def _numbered(self, labels: Sequence[str]) -> Tensor:
        return torch.tensor([self._places[label] for label in labels], dtype=torch.int64)
