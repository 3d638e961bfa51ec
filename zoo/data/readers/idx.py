"""Reads IDX files, the format of MNIST: ``train-images-idx3-ubyte.gz`` beside ``train-labels-idx1-ubyte.gz``.

Format: http://yann.lecun.com/exdb/mnist/ (two zero bytes, type, number of dimensions, sizes, values;
big-endian).
"""

import gzip
import io
import math
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.data.examples import concatenate
from zoo.data.readers.arrays import Pair, examples_like, infer_splits
from zoo.data.splits import ROLES
from zoo.errors import DataError
from zoo.runtime.archives import require_measure
from zoo.runtime.contents import read_content

_ROLES = {**ROLES, "t10k": "test"}
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def refuses(path: Path) -> str:
    """Why this is no IDX data; empty if it is."""
    if _find_pictures(path):
        return ""
    return "holds no *-images-idx3-ubyte file" if path.is_dir() else "is not called *-images-idx3-ubyte"


def read(path: Path) -> Splits:
    """The pictures and labels of IDX files.

    Args:
        path: The folder, or the file of the pictures.

    Raises:
        DataError: A file is missing, damaged, or shorter than it says.
    """
    return infer_splits(_read_pairs(path))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every picture as examples of ``signature``.

    Raises:
        DataError: As for ``read``, or a label is unknown.
    """
    return concatenate([examples_like(pair, signature) for pair in _read_pairs(path).values()])


def read_idx(path: Path) -> npt.NDArray[Any]:
    """One IDX file, gzipped or not, as an array.

    Raises:
        DataError: It is damaged, or shorter or longer than its header says.
    """
    try:
        content = _unpacked(read_content(path)) if path.suffix == ".gz" else read_content(path)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: is damaged or ends early: {error}", fix="fetch the file again") from error
    return _parse(path, content)


def _unpacked(packed: bytes) -> bytes:
    """The content of a gzip file, unless it unfolds beyond what its own header says it holds."""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        start = file.read(4 + 4 * 255)
        num_dimensions = min(start[3], len(start) // 4 - 1) if len(start) > 3 else 0
        sizes = struct.unpack_from(f">{num_dimensions}I", start, 4) if num_dimensions else ()
        expected = 4 + 4 * num_dimensions + 8 * math.prod(sizes)
        require_measure(expected, len(packed))
        return start + file.read(max(0, expected + 1 - len(start)))


def _parse(path: Path, content: bytes) -> npt.NDArray[Any]:
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{path}: does not begin like an IDX file", fix="fetch the file again")
    dtype, num_dimensions = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * num_dimensions
    if len(content) < start:
        raise DataError(f"{path}: ends within its header", fix="fetch the file again")
    shape = struct.unpack_from(f">{num_dimensions}I", content, 4)
    expected = math.prod(shape) * dtype.itemsize
    if len(content) - start != expected:
        raise DataError(
            f"{path}: expected {expected} bytes for {'x'.join(map(str, shape))} values, found {len(content) - start}",
            fix="fetch the file again",
        )
    try:
        return np.frombuffer(content, dtype, offset=start).astype(dtype.newbyteorder("=")).reshape(shape)
    except ValueError as error:
        raise DataError(f"{path}: {error}", fix="fetch the file again") from error


def _read_pairs(path: Path) -> dict[str, Pair]:
    return {
        role: Pair(path, role, read_idx(pictures), read_idx(_labels_of(pictures)))
        for role, pictures in _find_pictures(path).items()
    }


def _find_pictures(path: Path) -> dict[str, Path]:
    """Files of pictures by split; a single one is train."""
    files = [path] if path.is_file() else sorted(path.iterdir(), reverse=True)
    named = [file for file in files if re.search(r"images[-._]idx\d-ubyte(\.gz)?$", file.name.lower())]
    # Reversed order: the unpacked file comes last and so wins over the .gz beside it.
    found = {_role(file): file for file in named}
    return found if "train" in found else {"train": named[0]} if len(named) == 1 else {}


def _role(file: Path) -> str:
    words = re.split(r"[-._]", file.name.lower())
    return next((_ROLES[word] for word in words if word in _ROLES), "train")


def _labels_of(pictures: Path) -> Path:
    name = re.sub(r"idx\d", "idx1", pictures.name.replace("images", "labels").replace("IMAGES", "LABELS"))
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, f"{plain}.gz"):
        if (pictures.parent / candidate).is_file():
            return pictures.parent / candidate
    raise DataError(f"{pictures}: there is no {name} beside it", fix="put the labels into the same folder")
