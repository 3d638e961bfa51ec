"""What logits of pixels amount to, in plain NumPy and float64: apart from the graph that ships."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.targets import SCORES, UNKNOWN_PIXEL
from zoo.preprocessing.framing import Fit, Size, frame
from zoo.preprocessing.image import GIVEN_SIZE
from zoo.runtime.answers import Reals
from zoo.runtime.batches import Array, gather


def segments(
    scores: Mapping[str, Reals], carried: Mapping[str, Array], size: Size, fit: Fit
) -> dict[str, Array]:
    """The mask of each picture, and by how much each label is ahead, as the exported file answers them.

    Args:
        scores: Logits ``[batch, labels, height, width]``.
        carried: Width and height of each given picture.
        size: Height and width of what the network sees.
        fit: What it sees of a picture.
    """
    given = np.asarray(carried[GIVEN_SIZE]).astype(int)
    found = [
        _of_picture(logits, (height, width), size, fit)
        for logits, (width, height) in zip(scores[SCORES], given, strict=True)
    ]
    masks, margins = zip(*found, strict=True)
    return {"mask": gather(masks), "margin": gather(margins)}


def _of_picture(logits: Reals, given: Size, size: Size, fit: Fit) -> tuple[NDArray[np.uint8], Reals]:
    rows, columns = frame(given, size, fit)
    seen = resized(resized(logits, rows.stop - rows.start, axis=1), columns.stop - columns.start, axis=2)
    powers = np.exp(seen - seen.max(axis=0))
    second, first = np.partition(powers, -2, axis=0)[-2:]
    mask, margin = np.full(given, UNKNOWN_PIXEL, np.uint8), np.zeros(given)
    mask[rows, columns] = seen.argmax(axis=0)
    margin[rows, columns] = (first - second) / powers.sum(axis=0)
    return mask, margin


def resized(values: Reals, length: int, axis: int) -> Reals:
    """Linear interpolation along an axis, from pixel middle to pixel middle, constant beyond the last ones."""
    num_given = values.shape[axis]
    places = np.clip((np.arange(length) + 0.5) * num_given / length - 0.5, 0, num_given - 1)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, num_given - 1)
    shape = [-1 if each == axis else 1 for each in range(values.ndim)]
    share = (places - below).reshape(shape)
    return np.asarray(values.take(below, axis) * (1 - share) + values.take(above, axis) * share)
