"""Random changes of pictures and their boxes in training: they are never part of the exported network."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo_convolutional.assignment import BACKGROUND

LEAST_VISIBLE = 0.3


class Scene(NamedTuple):
    """Pictures and what is in them.

    Attributes:
        pictures: ``[batch, channels, height, width]``.
        labels: int64 ``[batch, objects]``, -1 where there is no object.
        boxes: Left, top, right, bottom in pixels, ``[batch, objects, 4]``.
    """

    pictures: Tensor
    labels: Tensor
    boxes: Tensor


def flip(scene: Scene, *, horizontal: float = 0.5, vertical: float = 0.0) -> Scene:
    """Mirrors each picture with these probabilities, left to right and top to bottom, boxes and all."""
    pictures, labels, boxes = scene
    height, width = pictures.shape[2:]
    for chance, axis, size, ends in ((horizontal, 3, width, (0, 2)), (vertical, 2, height, (1, 3))):
        is_flipped = _chosen(chance, pictures)
        pictures = torch.where(is_flipped.view(-1, 1, 1, 1), pictures.flip(axis), pictures)
        mirrored = boxes.clone()
        # What was the right side is the left one now.
        mirrored[..., ends[0]], mirrored[..., ends[1]] = (
            size - boxes[..., ends[1]],
            size - boxes[..., ends[0]],
        )
        boxes = torch.where(is_flipped.view(-1, 1, 1), mirrored, boxes)
    return Scene(pictures, labels, boxes)


def zoom(scene: Scene, *, scale: float) -> Scene:
    """Enlarges or shrinks each picture by up to a factor of 1 + ``scale`` and moves it at random.

    The logarithm of the factor is uniform. An enlarged picture is moved within what it covers, a shrunk
    one within the old frame, where the rest is 0. Boxes are cut at the frame; an object of which less than
    three tenths are left is dropped.
    """
    pictures, labels, boxes = scene
    num_pictures, _, height, width = pictures.shape
    limit = torch.log1p(torch.tensor(scale)).item()
    factor = torch.empty(num_pictures, 1, dtype=pictures.dtype, device=pictures.device)
    factor = factor.uniform_(-limit, limit).exp()
    place = torch.rand(num_pictures, 2, dtype=pictures.dtype, device=pictures.device)
    frame = pictures.new_tensor([width, height])
    # New pixel = factor * old pixel + shift, with the shift between 0 and what is missing or left over.
    shift = (frame - factor * frame) * place
    sized = F.grid_sample(pictures, _sampling_grid(factor, shift / frame, pictures), align_corners=False)
    return Scene(sized, *_cut(labels, boxes * factor.unsqueeze(-1) + shift.repeat(1, 2).unsqueeze(1), frame))


def recolour(scene: Scene, *, strength: float) -> Scene:
    """Multiplies and shifts each channel: by a factor of 1 ± ``strength`` and by ± ``strength`` deviations."""
    pictures = scene.pictures
    shape = (*pictures.shape[:2], 1, 1)
    gain, offset = (
        torch.empty(shape, dtype=pictures.dtype, device=pictures.device).uniform_(-strength, strength)
        for _ in range(2)
    )
    deviation = pictures.std((1, 2, 3), keepdim=True)
    return scene._replace(pictures=torch.addcmul(deviation * offset, pictures, 1 + gain))


def _chosen(chance: float, pictures: Tensor) -> Tensor:
    """Which pictures are changed, bool ``[batch]``."""
    return torch.rand(len(pictures), device=pictures.device) < chance


def _sampling_grid(factor: Tensor, shift: Tensor, pictures: Tensor) -> Tensor:
    """Where each new pixel is taken from, in the coordinates from -1 to 1 of ``affine_grid``."""
    # With u = 2 x - 1 for x from 0 to 1: old u = (new u + 1 - 2 shift) / factor - 1.
    offset = (1 - 2 * shift) / factor - 1
    matrix = torch.cat([torch.diag_embed((1 / factor).expand(-1, 2)), offset.unsqueeze(-1)], dim=-1)
    return F.affine_grid(matrix, list(pictures.shape), align_corners=False)


def _cut(labels: Tensor, boxes: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes cut at the frame ``[width, height]``, and -1 for the label of what is mostly outside."""
    inside = torch.minimum(boxes.clamp(min=0), frame.repeat(2))
    left = (inside[..., 2:] - inside[..., :2]).prod(-1)
    whole = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return labels.masked_fill(left < LEAST_VISIBLE * whole, BACKGROUND), inside
