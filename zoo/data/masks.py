"""Masks in files: a picture whose pixels are the numbers of labels, grey or with a palette."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.targets import UNKNOWN_PIXEL
from zoo.errors import DataError
from zoo.runtime.images import ImageFiles, open_image

MASK_SUFFIXES = (".bmp", ".gif", ".png", ".tif", ".tiff")
"""Formats that keep a pixel's number; JPEG does not."""

_NUMBERS = ("1", "L", "P")


@dataclass(frozen=True)
class MaskFiles(ImageFiles):
    """Masks that stay files until one is asked for, as uint8 ``[height, width]``.

    Attributes:
        is_black_and_white: Whether 255 is the label 1, and not what is not known.
    """

    is_black_and_white: bool = False

    def __getitem__(self, index: Any) -> Any:
        """The numbers of one mask, or the files of a slice."""
        if isinstance(index, slice):
            return super().__getitem__(index)
        numbers = read_mask(self.paths[index])
        if self.is_black_and_white:
            numbers[numbers == UNKNOWN_PIXEL] = 1
        return numbers


def read_mask(path: Path) -> npt.NDArray[np.uint8]:
    """The number of each pixel, as it stands in the file: uint8 ``[height, width]``.

    Raises:
        DataError: The file is damaged, or its pixels are no numbers of labels.
    """
    try:
        with open_image(path) as opened:
            if opened.mode not in _NUMBERS:
                raise DataError(f"{path.name}: {_no_mask(opened.mode)}")
            return np.array(opened, np.uint8)
    except DataError:
        raise
    # On damaged bytes Pillow raises almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise DataError(f"{path.name}: cannot be read as a mask: {error}") from error


def _no_mask(mode: str) -> str:
    if mode.startswith("I") or mode == "F":
        return (
            f"has pixels of more than 8 bits (Pillow's mode {mode}); a mask has one number of 8 bits a pixel"
        )
    return (
        f"is in colour without a palette (Pillow's mode {mode}); a mask has one number a pixel, "
        "as a grey picture or one with a palette has"
    )
