"""Reads files that somebody else wrote: regular ones, whole, and no larger than they may be."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, *, at_most: int | None = None) -> BinaryIO:
    """Opens a regular file; a pipe or a device could keep the reader waiting for ever.

    Args:
        path: The file; a link to a regular file is one too.
        at_most: Bytes that it may have.

    Raises:
        OSError: It cannot be read, is no regular file, or is larger.
    """
    # Without O_NONBLOCK the opening of a pipe already waits for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL character in its name
        raise OSError(errno.EINVAL, str(error)) from error
    try:
        _require_regular(os.fstat(descriptor), at_most)
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_regular(path: Path, *, at_most: int | None = None) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: As for ``open_regular``.
    """
    with open_regular(path, at_most=at_most) as file:
        return file.read()


def _require_regular(found: os.stat_result, at_most: int | None) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a socket, not a file")
    if at_most is not None and found.st_size > at_most:
        raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, more than {at_most:,}")
