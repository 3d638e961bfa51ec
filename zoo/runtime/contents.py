"""Reads input files whole."""

from pathlib import Path

from zoo.errors import DataError
from zoo.reading import read_regular


def read_content(path: Path) -> bytes:
    """The bytes of an input file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or error}", fix="check the path and its permissions"
        ) from error
