"""What part of a picture the network sees, in the graph and in plain numbers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray

Size = tuple[int, int]
Fit = Literal["crop", "stretch"]


def centre(given: spox.Var, size: Size) -> tuple[spox.Var, spox.Var]:
    """Where the largest centred part with the aspect ratio of ``size`` begins, and how large it is.

    It is in whole pixels, at least one: with source ``H x W`` and target ``h x w`` it is
    ``min(H, [W h / w])`` high and ``min(W, [H w / h])`` wide, ``[]`` rounding half up, and begins at
    ``(H - height) // 2`` and ``(W - width) // 2``.

    Args:
        given: Height and width of the picture, int64 ``[2]``.
        size: Height and width that it is brought to.
    """
    height, width = size
    across = op.gather(given, _integers([1, 0]))
    scaled = op.add(op.mul(across, _integers([height, width])), _integers([width // 2, height // 2]))
    matching = op.max([op.div(scaled, _integers([width, height])), _integers([1, 1])])
    kept = op.min([given, matching])
    return op.div(op.sub(given, kept), _integers([2, 2])), kept


def frame(given: Size, size: Size, fit: Fit) -> tuple[slice, slice]:
    """Rows and columns of a picture that the network sees: all of them, or what ``centre`` says."""
    if fit == "stretch":
        return slice(0, given[0]), slice(0, given[1])
    (high, wide), (height, width) = given, size
    kept = (
        min(high, max(1, (wide * height + width // 2) // width)),
        min(wide, max(1, (high * width + height // 2) // height)),
    )
    top, left = (high - kept[0]) // 2, (wide - kept[1]) // 2
    return slice(top, top + kept[0]), slice(left, left + kept[1])


def nearest(mask: NDArray[np.uint8], size: Size, fit: Fit) -> NDArray[np.uint8]:
    """A mask at the network's size: at the middle of each of its pixels stands what is there in the given one."""
    seen = mask[frame(mask.shape, size, fit)]
    # In integers: the middle of pixel k of n is at (2 k + 1) / 2 n of the side.
    rows, columns = (
        (2 * np.arange(number) + 1) * side // (2 * number)
        for side, number in zip(seen.shape, size, strict=True)
    )
    return np.ascontiguousarray(seen[rows[:, np.newaxis], columns])


def _integers(values: Sequence[int]) -> spox.Var:
    return op.constant(value=np.array(values, np.int64))
