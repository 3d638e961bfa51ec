"""Reads input files whole."""

from pathlib import Path

from zoo.errors import DataError


def read_content(path: Path) -> bytes:
    """The bytes of an input file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}", fix="check the path and its permissions"
        ) from error
