"""Reads files that somebody else wrote: regular ones, whole, and no larger than they may be."""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, *, at_most: int | None = None) -> bytes:
    """The bytes of a regular file; a pipe or a device could keep the reader waiting for ever.

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
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - an open descriptor has no path
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe, a device or a socket, not a file")
        if at_most is not None and found.st_size > at_most:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, more than {at_most:,}")
        return file.read()
