"""What trains a detector of torchvision: the losses that it brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from zoo.plugin import Batch, Ge, Le, Turn, Turns, UsageError


@dataclass(kw_only=True)
class OwnLosses:
    """The sum of the losses that a detector of torchvision computes itself, picture by picture.

    What they are is the network's matter: for SSD cross-entropy with hard negatives and smooth L1
    (arXiv:1512.02325, section 2.2), for RetinaNet focal loss (arXiv:1708.02002, eq. 5) and L1 or GIoU, for
    FCOS focal loss, GIoU and cross-entropy of centre-ness (arXiv:1904.01355, eq. 2). They are the negative
    log-likelihood of no distribution.

    Args:
        box_weight: What the losses of boxes count beside that of classes.
    """

    box_weight: Annotated[float, Ge(0)] = 1.0

    def __call__(self, parts: Mapping[str, Tensor], weights: Tensor) -> tuple[Tensor, Tensor]:
        """Values and weights, each ``[batch]``.

        Args:
            parts: ``classification`` and those whose names begin with ``bbox``, each ``[batch]``.
            weights: What each picture counts, ``[batch]``.
        """
        factors = {name: self.box_weight if name.startswith("bbox") else 1.0 for name in parts}
        return torch.stack([factors[name] * part for name, part in parts.items()]).sum(0), weights


def torchvision_detection(
    models: Mapping[str, nn.Module],
    batch: Batch,
    loss: Any,
    *,
    horizontal_flip: Annotated[float, Ge(0), Le(1)] = 0.5,
) -> Turns:
    """One player learns by the losses of torchvision's own implementation.

    Args:
        models: The one player, ``"model"``, a detector of this package.
        batch: Pictures ``[batch, channels, height, width]``; labels and boxes of the objects in them.
        loss: Adds up what the network tells.
        horizontal_flip: Probability that a picture is mirrored left to right in training.

    Raises:
        UsageError: The loss is made for another objective.
    """
    if not isinstance(loss, OwnLosses):
        raise UsageError(
            f"objective 'torchvision-detection' trains by the network's own losses, not by {type(loss).__name__}",
            fix="leave out loss=, or say loss=torchvision-detection",
        )
    model, (pictures,), (labels, boxes) = models["model"], batch.inputs, batch.target
    if model.training and horizontal_flip > 0:
        pictures, boxes = flip(pictures, boxes, horizontal_flip)
    yield Turn("model", loss(*model(pictures, labels, boxes)))


def flip(pictures: Tensor, boxes: Tensor, chance: float) -> tuple[Tensor, Tensor]:
    """Mirrors each picture with this probability, boxes and all.

    Args:
        pictures: ``[batch, channels, height, width]``.
        boxes: Left, top, right, bottom in pixels, ``[batch, objects, 4]``.
        chance: Between 0 and 1.
    """
    is_flipped = (torch.rand(len(pictures), device=pictures.device) < chance).view(-1, 1, 1)
    # What was the right side is the left one now.
    left, top, right, bottom = boxes.unbind(-1)
    width = pictures.shape[3]
    mirrored = torch.stack([width - right, top, width - left, bottom], -1)
    flipped = torch.where(is_flipped.unsqueeze(-1), pictures.flip(3), pictures)
    return flipped, torch.where(is_flipped, mirrored, boxes)
