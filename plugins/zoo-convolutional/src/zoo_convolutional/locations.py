"""Where a detector looks: the centre of every cell of its levels' grids."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Locations(NamedTuple):
    """The locations of all levels, the finest level first and row by row within each.

    Attributes:
        centres: x and y in pixels of the network's picture, ``[locations, 2]``.
        strides: Pixels between a location and the next one of its level, ``[locations]``.
    """

    centres: Tensor
    strides: Tensor


def level_size(height: int, width: int, stride: int) -> tuple[int, int]:
    """Rows and columns of a level: each halving rounds up, and so does the whole division."""
    return -(-height // stride), -(-width // stride)


def grid_locations(
    height: int,
    width: int,
    strides: Sequence[int],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Locations:
    """The locations on a picture of ``height`` x ``width`` pixels (FCOS, arXiv:1904.01355, section 3.1).

    The cell in row i and column j of a level with stride s is centred at x = (j + 1/2) s, y = (i + 1/2) s.
    """
    centres, spacings = [], []
    for stride in strides:
        num_rows, num_columns = level_size(height, width, stride)
        y = (torch.arange(num_rows, dtype=dtype, device=device) + 0.5) * stride
        x = (torch.arange(num_columns, dtype=dtype, device=device) + 0.5) * stride
        grid = torch.stack([x.expand(num_rows, -1), y.unsqueeze(1).expand(-1, num_columns)], dim=-1)
        centres.append(grid.flatten(0, 1))
        spacings.append(torch.full((num_rows * num_columns,), float(stride), dtype=dtype, device=device))
    return Locations(torch.cat(centres), torch.cat(spacings))


def boxes_around(centres: Tensor, distances: Tensor) -> Tensor:
    """Boxes left, top, right, bottom from the distances to these sides (arXiv:1904.01355, eq. 1 solved).

    Args:
        centres: x and y, ``[locations, 2]``.
        distances: To the left, top, right and bottom side, ``[..., locations, 4]``, in the same unit.
    """
    return torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1)


def distances_to_sides(centres: Tensor, boxes: Tensor) -> Tensor:
    """Distances to the left, top, right and bottom side (arXiv:1904.01355, eq. 1); negative outside.

    Args:
        centres: x and y, ``[..., 2]``.
        boxes: Left, top, right, bottom, ``[..., 4]``; the leading axes are broadcast.
    """
    return torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], dim=-1)
