"""torchvision's one-stage detectors as networks of Zoo: dense scores and boxes out, suppression in the graph."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection import FCOS
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou, clip_boxes_to_image

CERTAIN = 40.0
"""A logit whose probability is 1."""

Told = Mapping[str, Tensor]
Truth = Mapping[str, Tensor]


class Detector(nn.Module):
    """A one-stage detector of torchvision, asked for what it tells at every place instead of for objects.

    Args:
        network: The detector.
        size: Height and width of the pictures in pixels.
    """

    num_backgrounds: ClassVar[int] = 0
    network: Any
    anchors: Tensor

    def __init__(self, network: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.size = size
        anchors, self.num_places = lay_anchors(network, size)
        self.register_buffer("anchors", anchors, persistent=False)

    def forward(self, pictures: Tensor, labels: Tensor | None = None, boxes: Tensor | None = None) -> Any:
        """What a ``Boxes`` target wants of pictures; with their truth, the network's own losses.

        Args:
            pictures: Standardised, ``[batch, channels, height, width]``; grey ones become three channels.
            labels: int64 ``[batch, objects]``, -1 where there is no object.
            boxes: Left, top, right, bottom in pixels, ``[batch, objects, 4]``.

        Returns:
            Logits ``[batch, places, labels]``, boxes ``[batch, places, 4]`` within the picture, logits
            ``[batch, places]``; or the losses by name and what each picture counts, all ``[batch]``.
        """
        maps = self.network.backbone(pictures.expand(-1, 3, -1, -1))
        told = {
            name: each.to(self.anchors.dtype) for name, each in self.network.head([*maps.values()]).items()
        }
        if labels is None or boxes is None:
            class_scores, qualities = self.scores(told)
            return (
                class_scores,
                clip_boxes_to_image(self.decode(told["bbox_regression"]), self.size),
                qualities,
            )
        return self.losses(told, labels, boxes)

    def scores(self, told: Told) -> tuple[Tensor, Tensor]:
        """Logits of classes ``[batch, places, labels]`` and of qualities ``[batch, places]``."""
        raise NotImplementedError

    def decode(self, codes: Tensor) -> Tensor:
        """Boxes ``[batch, places, 4]`` in pixels, from what the head tells of them relative to the anchors."""
        anchors = self.anchors.expand(len(codes), -1, -1)
        flat = self.network.box_coder.decode_single(codes.flatten(0, 1), anchors.flatten(0, 1))
        boxes: Tensor = flat.view_as(codes)
        return boxes

    def losses(self, told: Told, labels: Tensor, boxes: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The network's losses of each picture by itself, by name, and what each counts in their mean."""
        judged = []
        for place in range(len(labels)):
            is_object = labels[place] >= 0
            truth = {
                "labels": labels[place][is_object] + self.num_backgrounds,
                "boxes": boxes[place][is_object].to(self.anchors.dtype),
            }
            judged.append(self.judge({name: each[place : place + 1] for name, each in told.items()}, truth))
        parts = {name: torch.stack([own[name] for own, _ in judged]) for name in judged[0][0]}
        weights = [max(1, num_objects) for _, num_objects in judged]
        return parts, torch.tensor(weights, dtype=self.anchors.dtype, device=self.anchors.device)

    def judge(self, told: Told, truth: Truth) -> tuple[dict[str, Tensor], int]:
        """Losses of one picture, which torchvision computes, and by how many places it divides them when it has several."""
        raise NotImplementedError


class AnchorFree(Detector):
    """FCOS (arXiv:1904.01355): the quality is the centre-ness."""

    def scores(self, told: Told) -> tuple[Tensor, Tensor]:
        """As told."""
        return told["cls_logits"], told["bbox_ctrness"].squeeze(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Distances to the four sides, in strides."""
        boxes: Tensor = self.network.box_coder.decode(codes, self.anchors.expand_as(codes))
        return boxes

    def judge(self, told: Told, truth: Truth) -> tuple[dict[str, Tensor], int]:
        """Losses over the number of locations with an object."""
        # torchvision matches in the middle of this method; a head that hands it back gives it away.
        listener = SimpleNamespace(
            center_sampling_radius=self.network.center_sampling_radius,
            head=SimpleNamespace(compute_loss=lambda targets, told, anchors, matched: matched),
        )
        anchors = [self.anchors]
        matched = FCOS.compute_loss(listener, [truth], told, anchors, self.num_places)
        losses = self.network.head.compute_loss([truth], told, anchors, matched)
        return losses, int((matched[0] >= 0).sum())


class Anchored(Detector):
    """RetinaNet (arXiv:1708.02002): each anchor has a logit for each class."""

    def scores(self, told: Told) -> tuple[Tensor, Tensor]:
        """Those whose score is the probability of the class."""
        return as_scores(told["cls_logits"])

    def judge(self, told: Told, truth: Truth) -> tuple[dict[str, Tensor], int]:
        """Losses that torchvision averages over pictures."""
        losses: dict[str, Tensor] = self.network.compute_loss([truth], told, [self.anchors])
        return losses, 1


class SingleShot(Detector):
    """SSD (arXiv:1512.02325): classes and the background share a probability of 1."""

    num_backgrounds = 1

    def scores(self, told: Told) -> tuple[Tensor, Tensor]:
        """Those whose score is the probability of the class."""
        return as_scores(log_odds(told["cls_logits"])[..., self.num_backgrounds :])

    def judge(self, told: Told, truth: Truth) -> tuple[dict[str, Tensor], int]:
        """Losses over the number of default boxes with an object."""
        if len(truth["labels"]):
            matched = self.network.proposal_matcher(box_iou(truth["boxes"], self.anchors))
        else:
            matched = torch.full((len(self.anchors),), -1, device=self.anchors.device)
        losses = self.network.compute_loss([truth], told, [self.anchors], [matched])
        return losses, int((matched >= 0).sum())


FAMILIES: Mapping[str, type[Detector]] = {"fcos": AnchorFree, "retinanet": Anchored, "ssd": SingleShot}


def log_odds(logits: Tensor) -> Tensor:
    """Logarithm of p / (1 - p) of each class, p being the softmax over the last axis.

    1 - p is summed from the others, for where p rounds to 1 nothing else is left of it.
    """
    shifted = logits - logits.detach().amax(-1, keepdim=True)
    num_classes = logits.shape[-1]
    is_other = 1 - torch.eye(num_classes, dtype=logits.dtype, device=logits.device)
    others = (shifted.exp() @ is_other).clamp(min=torch.finfo(torch.float32).tiny)
    return shifted - others.log()


def as_scores(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Class scores and qualities for which the score of a box is p = sigmoid(logit) alone.

    A box's score is sqrt(s(class) s(quality)): with a quality of 1 the class has to have the probability
    p², whose log-odds are x - log(2 + exp(-x)) for a logit x. No sigmoid is taken: of small probabilities
    ONNX Runtime's is not exact enough for a logarithm.
    """
    largest = F.relu(-logits)
    sums = 2 * (-largest).exp() + (-logits - largest).exp()
    squared = logits - largest - sums.log()
    return squared, torch.full_like(logits[..., 0], CERTAIN)


def lay_anchors(network: Any, size: tuple[int, int]) -> tuple[Tensor, list[int]]:
    """Anchors ``[anchors, 4]`` in pixels on pictures of this size, and the number of places a level."""
    picture = torch.zeros(1, 3, *size)
    was_training = network.training
    with torch.no_grad():
        maps = [*network.eval().backbone(picture).values()]
    network.train(was_training)
    (anchors,) = network.anchor_generator(ImageList(picture, [size]), maps)
    return anchors, [each.shape[2] * each.shape[3] for each in maps]
