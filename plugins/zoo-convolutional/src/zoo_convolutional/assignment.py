"""Which location answers for which object (FCOS, arXiv:1904.01355, section 3.1 and 3.2)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo_convolutional.locations import Locations, distances_to_sides

BACKGROUND = -1


class Assigned(NamedTuple):
    """What each location is to answer.

    Attributes:
        labels: Index of the object's label, int64 ``[batch, locations]``; -1 where there is none.
        boxes: The object's box in pixels, ``[batch, locations, 4]``; meaningless where there is none.
        qualities: Centre-ness between 0 and 1, ``[batch, locations]``; 0 where there is none.
    """

    labels: Tensor
    boxes: Tensor
    qualities: Tensor


def assign(
    locations: Locations, labels: Tensor, boxes: Tensor, *, radius: float = 1.5, reach: float = 8.0
) -> Assigned:
    """Gives each location the smallest of the objects that it may answer for.

    It may answer for an object if it lies inside the object's box, no further than ``radius`` strides
    from the middle of the box along either axis (arXiv:2006.09214, section 3.2), and if the farthest side
    of the box is within its level's range: above ``reach`` strides of the level before, up to ``reach``
    strides of its own. The finest level's range starts at 0, the coarsest's has no end.

    Args:
        locations: Of ``[locations]`` places on the network's picture.
        labels: int64 ``[batch, objects]``, -1 behind the last object.
        boxes: Left, top, right, bottom in pixels, ``[batch, objects, 4]``.
        radius: Of the sampled middle, in strides.
        reach: The end of a level's range, in its strides.
    """
    # One object more, which is none: the smallest of no objects is then defined.
    labels = F.pad(labels, (0, 1), value=BACKGROUND)
    boxes = F.pad(boxes, (0, 0, 0, 1)).to(locations.centres.dtype)
    may_answer = _is_candidate(locations, boxes, radius, reach) & (labels >= 0).unsqueeze(1)
    areas = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    smallest = torch.where(may_answer, areas.unsqueeze(1), torch.inf).argmin(-1)
    is_object = may_answer.any(-1)
    own_boxes = boxes.gather(1, smallest.unsqueeze(-1).expand(-1, -1, 4))
    own_distances = distances_to_sides(locations.centres, own_boxes)
    return Assigned(
        labels.gather(1, smallest).masked_fill(~is_object, BACKGROUND),
        own_boxes,
        centreness(own_distances).masked_fill(~is_object, 0),
    )


def centreness(distances: Tensor) -> Tensor:
    """How central a location is in its box: 1 in the middle, 0 on a side (arXiv:1904.01355, eq. 3).

    The square root of min(l, r) / max(l, r) times min(t, b) / max(t, b).

    Args:
        distances: To the left, top, right and bottom side, ``[..., 4]``, none negative inside the box.
    """
    across, along = distances[..., 0::2], distances[..., 1::2]
    shares = across.amin(-1) / across.amax(-1) * (along.amin(-1) / along.amax(-1))
    return shares.clamp(min=0).sqrt()


def _is_candidate(locations: Locations, boxes: Tensor, radius: float, reach: float) -> Tensor:
    """Whether a location may answer for a box, bool ``[batch, locations, objects]``."""
    centres = locations.centres.unsqueeze(1)
    distances = distances_to_sides(centres, boxes.unsqueeze(1))
    middles = (boxes[..., :2] + boxes[..., 2:]).unsqueeze(1) / 2
    offsets = (centres - middles).abs().amax(-1)
    is_inside = distances.amin(-1) > 0
    is_central = offsets < radius * locations.strides.unsqueeze(-1)
    farthest = distances.amax(-1)
    lower, upper = _ranges(locations.strides, reach)
    return is_inside & is_central & (farthest > lower.unsqueeze(-1)) & (farthest <= upper.unsqueeze(-1))


def _ranges(strides: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """The farthest side that each location may have, above and up to, in pixels."""
    before = F.pad(strides[:-1], (1, 0))
    # Only the first location of a level has another stride before it; the level's others follow it.
    finer = torch.where(strides > before, before, 0).cummax(0).values
    upper = torch.where(strides < strides[-1], strides * reach, torch.inf)
    return finer * reach, upper
