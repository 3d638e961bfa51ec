"""A one-stage detector without anchors (FCOS, Tian, Shen, Chen and He 2019)."""

import math
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.plugin import Boxes, Ge, Gt, Lt, Signature, UsageError
from zoo_convolutional.backbones import STRIDES, Backbone, BackboneName, make_backbone
from zoo_convolutional.locations import Locations, boxes_around, grid_locations
from zoo_convolutional.pictures import picture_shape

SMALLEST_SIDE = 32
GROUP_SIZE = 8
LARGEST_EXPONENT = 8.0


class Detector(nn.Module):
    """FCOS: each location of a grid tells the class and the box of the object around it.

    Tian, Shen, Chen and He 2019 (arXiv:1904.01355) with the improvements of arXiv:2006.09214: the quality
    (centre-ness) is told beside the box, distances are counted in strides, and only the middle of an object
    is sampled. A pyramid (Lin et al. 2016, arXiv:1612.03144) brings what coarse maps know of the
    surroundings to the fine ones; the heads, the same at every level, have group normalisation.

    A level with stride s suits objects of about 2 s to 16 s pixels, in pixels of the picture that the network
    sees; with a single level all objects are its own.

    Args:
        signature: One picture ``[channels, height, width]`` of 32 x 32 pixels or more, and boxes to emit.
        backbone: A light residual network of its own, or the stages of a ResNet.
        strides: Pixels between neighbouring locations, one number a level: of 4, 8, 16 and 32, ascending.
        width: Maps in the pyramid and the heads, a multiple of 8; the small backbone has half to twice as many.
        depth: Convolutions of each head before its last one.
        prior: Probability that a location starts with for each class (arXiv:1708.02002, section 4.1).

    Raises:
        DataError: The pictures are too small.
        UsageError: The strides or the width are none that there are.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        backbone: BackboneName = "small",
        strides: tuple[int, ...] = (8,),
        width: Annotated[int, Ge(GROUP_SIZE)] = 96,
        depth: Annotated[int, Ge(0)] = 2,
        prior: Annotated[float, Gt(0), Lt(1)] = 0.01,
    ) -> None:
        super().__init__()
        _check_options(strides, width)
        channels, *_ = picture_shape(signature, network="detector", smallest=SMALLEST_SIDE)
        assert isinstance(signature.target, Boxes)
        self.strides = tuple(strides)
        self.backbone = make_backbone(backbone, channels, width)
        self.pyramid = Pyramid(self.backbone, self.strides, width)
        self.class_head = Head(width, depth, len(signature.target.labels), -math.log((1 - prior) / prior))
        self.box_head = Head(width, depth, 5)
        # One factor a level lets the same head serve sizes of its own (arXiv:1904.01355, section 3.2).
        self.factors = nn.Parameter(torch.ones(len(self.strides)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Class scores, boxes and qualities of pictures ``[batch, channels, height, width]``.

        Returns:
            Logits ``[batch, locations, labels]``; left, top, right, bottom in pixels
            ``[batch, locations, 4]``; logits ``[batch, locations]``.
        """
        levels = self.pyramid(self.backbone(pictures.contiguous(memory_format=torch.channels_last)))
        scores = [_by_location(self.class_head(maps)) for maps in levels]
        boxes, qualities = [], []
        for maps, stride, factor in zip(levels, self.strides, self.factors.unbind(), strict=True):
            told = _by_location(self.box_head(maps))
            # Above e^8 strides nothing is meant, and the gradient of what is larger would overflow.
            boxes.append((told[..., :4] * factor).clamp(max=LARGEST_EXPONENT).exp() * stride)
            qualities.append(told[..., 4])
        centres = self.locations(*pictures.shape[2:], dtype=pictures.dtype, device=pictures.device).centres
        return torch.cat(scores, 1), boxes_around(centres, torch.cat(boxes, 1)), torch.cat(qualities, 1)

    def locations(
        self,
        height: int,
        width: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> Locations:
        """The locations on a picture of ``height`` x ``width`` pixels, in the order of the outputs."""
        return grid_locations(height, width, self.strides, dtype=dtype, device=device)


class Pyramid(nn.Module):
    """A feature pyramid (arXiv:1612.03144, section 3): coarse maps, enlarged, are added to finer ones.

    Args:
        backbone: Gives maps at the strides 4, 8, 16 and 32.
        strides: Of the levels that are wanted.
        width: Maps at each level.
    """

    def __init__(self, backbone: Backbone, strides: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.first = STRIDES.index(strides[0])
        self.wanted = tuple(STRIDES.index(stride) - self.first for stride in strides)
        self.lateral = nn.ModuleList(
            nn.Conv2d(backbone.widths[stride], width, kernel_size=1) for stride in STRIDES[self.first :]
        )
        self.smoothing = nn.ModuleList(nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in strides)
        for convolution in (*self.lateral, *self.smoothing):
            nn.init.kaiming_uniform_(convolution.weight, a=1)
            nn.init.zeros_(convolution.bias)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Maps ``[batch, width, rows, columns]`` at the wanted strides, from the backbone's."""
        own = [lateral(maps) for lateral, maps in zip(self.lateral, levels[self.first :], strict=True)]
        for place in range(len(own) - 1, 0, -1):
            own[place - 1] = own[place - 1] + _enlarged(own[place], own[place - 1])
        return [smooth(own[place]) for smooth, place in zip(self.smoothing, self.wanted, strict=True)]


class Head(nn.Sequential):
    """3 x 3 convolutions with group normalisation (arXiv:1803.08494) and ReLU, and a last one that answers.

    Args:
        width: Maps that come in and that are between.
        depth: Convolutions before the last one.
        num_out: Answers a location.
        bias: What the answers start with.
    """

    def __init__(self, width: int, depth: int, num_out: int, bias: float = 0.0) -> None:
        layers: list[nn.Module] = []
        for _ in range(depth):
            weights = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
            nn.init.kaiming_normal_(weights.weight, mode="fan_out", nonlinearity="relu")
            layers += [weights, nn.GroupNorm(width // GROUP_SIZE, width), nn.ReLU()]
        answers = nn.Conv2d(width, num_out, kernel_size=3, padding=1)
        assert answers.bias is not None
        nn.init.normal_(answers.weight, std=0.01)
        nn.init.constant_(answers.bias, bias)
        super().__init__(*layers, answers)


def _by_location(maps: Tensor) -> Tensor:
    """``[batch, answers, rows, columns]`` becomes ``[batch, locations, answers]``."""
    return maps.flatten(2).transpose(1, 2)


def _enlarged(maps: Tensor, like: Tensor) -> Tensor:
    """Each pixel doubled; an odd side of the finer maps has one pixel less than twice the coarser's."""
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")[..., : like.shape[2], : like.shape[3]]


def _check_options(strides: tuple[int, ...], width: int) -> None:
    """Refuses strides that the backbone has no maps for, and a width that makes no groups."""
    is_ascending = all(left < right for left, right in pairwise(strides))
    if not strides or not is_ascending or not set(strides) <= set(STRIDES):
        raise UsageError(
            f"option 'strides' of the detector is {list(strides)}; it takes one or more of 4, 8, 16 and 32, "
            "each once and ascending",
            fix="model.strides=[8] or model.strides=[8,16,32]",
        )
    if width % GROUP_SIZE:
        lower = width // GROUP_SIZE * GROUP_SIZE
        raise UsageError(
            f"option 'width' of the detector is {width}; its maps are normalised in groups of {GROUP_SIZE}",
            fix=f"model.width={lower} or model.width={lower + GROUP_SIZE}",
        )
