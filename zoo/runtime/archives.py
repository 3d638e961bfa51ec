"""Opens ``.npz`` files: arrays of plain types only, and none that unfolds beyond measure."""

import math
import zipfile
from typing import IO, Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]
MAX_MEMBERS = 1_000_000
_HARMLESS_BYTES = 2**28
_LARGEST_RATIO = 100
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(file: IO[bytes]) -> Arrays:
    """Every array of an ``.npz`` file, by name; nothing is unpickled.

    Raises:
        ValueError: It is no such file, is damaged, holds Python objects, or would unfold beyond measure.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _require_measure(file, members)
            return {member.filename.removesuffix(".npy"): _read(archive, member) for member in members}
    except (ValueError, MemoryError):
        raise
    # On damaged bytes zipfile and numpy raise almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error


def require_measure(num_bytes: int, num_packed: int) -> None:
    """Refuses content that is much larger unpacked than packed.

    Raises:
        ValueError: It unfolds to more than 256 MiB and more than a hundredfold.
    """
    if num_bytes > max(_HARMLESS_BYTES, _LARGEST_RATIO * num_packed):
        raise ValueError(f"{num_packed:,} bytes would unfold to {num_bytes:,}, which is refused")


def _require_measure(file: IO[bytes], members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise ValueError(f"it has {len(members):,} members, more than {MAX_MEMBERS:,}")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two of its arrays have the same name")
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    require_measure(sum(member.file_size for member in members), size)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray[Any, np.dtype[Any]]:
    """One array, once its header is known to speak of the bytes that are there."""
    if not member.filename.endswith(".npy"):
        raise ValueError(f"its member {member.filename!r} is no array")
    with archive.open(member) as content:
        read_header = _READERS.get(np.lib.format.read_magic(content))
        if read_header is None:
            raise ValueError(f"its member {member.filename!r} has an unknown version")
        shape, is_fortran, dtype = read_header(content)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are never unpickled")
        if any(side < 0 for side in shape):
            raise ValueError(f"array {member.filename!r} has a negative size")
        size = member.file_size - content.tell()
        if size != math.prod(shape) * dtype.itemsize:
            raise ValueError(
                f"array {member.filename!r} has {size:,} bytes, which is not what its shape says"
            )
        data = bytearray(content.read())
    return np.ndarray(shape, dtype, data, order="F" if is_fortran else "C")
