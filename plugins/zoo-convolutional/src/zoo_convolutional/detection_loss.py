"""What a detector is trained on: focal loss of classes, GIoU loss of boxes, cross-entropy of centre-ness."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.plugin import Ge, Gt, Lt
from zoo_convolutional.assignment import Assigned


@dataclass(kw_only=True)
class FocalGIoU:
    """The sum of three losses over all locations, divided by the number of those with an object.

    Focal loss of the class scores at every location (Lin et al. 2017, arXiv:1708.02002, eq. 5), and where
    there is an object the generalised IoU loss of its box (Rezatofighi et al. 2019, arXiv:1902.09630) and
    the binary cross-entropy of its centre-ness (Tian et al. 2019, arXiv:1904.01355, eq. 2 and 3). It is
    the negative log-likelihood of no distribution: the probabilities are not calibrated.

    Args:
        alpha: Weight of the right class in the focal loss; all others weigh 1 - alpha.
        gamma: How much easy locations are discounted; 0 gives cross-entropy.
        box_weight: What the boxes' loss counts.
        quality_weight: What the centre-ness's loss counts.
    """

    alpha: Annotated[float, Gt(0), Lt(1)] = 0.25
    gamma: Annotated[float, Ge(0)] = 2.0
    box_weight: Annotated[float, Ge(0)] = 1.0
    quality_weight: Annotated[float, Ge(0)] = 1.0

    def __call__(self, prediction: tuple[Tensor, Tensor, Tensor], target: Assigned) -> tuple[Tensor, Tensor]:
        """Values and weights, each ``[batch]``; a picture without objects counts as if it had one location.

        Args:
            prediction: Class scores ``[batch, locations, labels]`` and qualities ``[batch, locations]``,
                both logits, and between them boxes ``[batch, locations, 4]`` in pixels.
            target: What each location is to answer.
        """
        class_scores, boxes, qualities = prediction
        is_object = target.labels >= 0
        truth = F.one_hot(target.labels.clamp(min=0), class_scores.shape[-1]) * is_object.unsqueeze(-1)
        focal = focal_loss(class_scores, truth.to(class_scores.dtype), self.alpha, self.gamma)
        quality = F.binary_cross_entropy_with_logits(
            qualities, target.qualities.to(qualities.dtype), reduction="none"
        )
        at_objects = self.box_weight * _box_loss(boxes, target, is_object) + self.quality_weight * quality
        total = focal.sum((1, 2)) + at_objects.masked_fill(~is_object, 0).sum(1)
        num_objects = is_object.sum(1).clamp(min=1).to(total.dtype)
        return total / num_objects, num_objects


def focal_loss(logits: Tensor, truth: Tensor, alpha: float, gamma: float) -> Tensor:
    """-a (1 - q)^gamma log q, q being the truth's probability (arXiv:1708.02002, eq. 5), value by value.

    Args:
        logits: Of any shape.
        truth: 0 or 1, of the same shape.
        alpha: What a is where the truth is 1; elsewhere it is 1 - alpha.
        gamma: How much easy answers are discounted.
    """
    margin = torch.where(truth > 0, logits, -logits)
    weight = torch.where(truth > 0, alpha, 1 - alpha)
    # Through log(1 - q) the gradient exists at q = 1 for every gamma.
    return -weight * torch.exp(gamma * F.logsigmoid(-margin)) * F.logsigmoid(margin)


def generalised_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union less the share of the hull that is neither (arXiv:1902.09630, algorithm 1).

    Args:
        boxes: Left, top, right, bottom, ``[..., 4]``, with the right and the bottom not before the others.
        others: The same.

    Returns:
        Between -1 and 1, ``[...]``; 1 for the same box.
    """
    least, most = torch.minimum(boxes, others), torch.maximum(boxes, others)
    shared = (least[..., 2:] - most[..., :2]).clamp(min=0).prod(-1)
    hull = (most[..., 2:] - least[..., :2]).prod(-1)
    union = _areas(boxes) + _areas(others) - shared
    smallest = torch.finfo(boxes.dtype).tiny
    return shared / union.clamp(min=smallest) - (hull - union) / hull.clamp(min=smallest)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)


def _box_loss(boxes: Tensor, target: Assigned, is_object: Tensor) -> Tensor:
    """1 - GIoU ``[batch, locations]``, 0 and without a gradient where there is no object."""
    is_wanted = is_object.unsqueeze(-1)
    square = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
    given = torch.where(is_wanted, boxes, square)
    return 1 - generalised_iou(given, torch.where(is_wanted, target.boxes.to(boxes.dtype), square))
