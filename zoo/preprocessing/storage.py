"""Room for what is encoded once and kept: in memory, or in a temporary file where that would be too much."""

import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import EnvironmentFault

MAX_BYTES = 2**28
"""Of a larger column the system decides what stays in memory: all of it, where there is room."""


def room(shape: tuple[int, ...], dtype: npt.DTypeLike, *, limit: int = MAX_BYTES) -> npt.NDArray[Any]:
    """An array to be filled.

    One of more than ``limit`` bytes lies in a file of the temporary folder. The file has no name from the
    start, so it is gone with the process, however that ends.

    Raises:
        EnvironmentFault: The temporary folder has no room for it.
    """
    num_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if num_bytes <= limit:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile() as file:
            _reserve(file.fileno(), num_bytes)
            return np.memmap(file, dtype, mode="r+", shape=shape)
    except OSError as error:
        raise EnvironmentFault(
            f"{tempfile.gettempdir()} has no room for {num_bytes / 2**30:.1f} GiB of encoded examples: {error.strerror}",
            fix="smaller pictures with data.size=…, fewer frames with data.frames=…, or another temporary folder with the variable TMPDIR",
        ) from error


def _reserve(descriptor: int, num_bytes: int) -> None:
    """Takes the blocks at once: a disk that fills up later would kill the process at some write."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, num_bytes)
    else:
        os.truncate(descriptor, num_bytes)
