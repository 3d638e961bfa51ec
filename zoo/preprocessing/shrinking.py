"""Brings all pictures or clips of a split to the network's size, in threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.frames import chooser
from zoo.preprocessing.storage import room
from zoo.runtime.clips import ClipFiles
from zoo.runtime.cores import num_cores
from zoo.runtime.media import MediaFiles, unreadable

Shrunk = tuple[NDArray[Any], ...]
"""uint8 ``[n, height, width, channels]``, of clips ``[n, frames, height, width, channels]``; then float32 ``[n, 2]`` for each further output of the stage."""

_NUM_SAMPLED = 1000
_CHUNK = 256
_CHUNK_BYTES = 2**26
_FILES_A_TASK = 16


@dataclass
class Sample:
    """Pictures that fitting has brought to size already, so that encoding their split need not.

    Attributes:
        images: The split that they are from.
        rows: Their places in it.
        shrunk: The pictures; nothing once they were taken.
    """

    images: Sequence[Any]
    rows: NDArray[np.int_]
    shrunk: Shrunk = ()

    def give_all(self, images: Sequence[Any]) -> Shrunk:
        """All pictures of the split, once, if these are they and none is missing; else nothing."""
        if images is not self.images or len(self.rows) < len(images):
            return ()
        shrunk, self.shrunk = self.shrunk, ()
        return shrunk

    def give(self, wholes: Shrunk, images: Sequence[Any]) -> frozenset[int]:
        """Puts them where they belong, once, if these are the pictures of their split; says which are done."""
        if images is not self.images or not self.shrunk:
            return frozenset()
        for whole, column in zip(wholes, self.shrunk, strict=True):
            whole[self.rows] = column
        self.shrunk = ()
        return frozenset(self.rows.tolist())


def sampled(images: Sequence[Any]) -> NDArray[np.int_]:
    """The places of at most 1,000 pictures, evenly spaced."""
    return np.linspace(0, len(images) - 1, min(len(images), _NUM_SAMPLED)).round().astype(int)


def chosen(images: Sequence[Any], rows: NDArray[np.int_]) -> Sequence[Any]:
    """Some pictures of a sequence, read when they are asked for."""
    if isinstance(images, MediaFiles):
        return images.take(rows.tolist())
    return images[rows] if isinstance(images, np.ndarray) else _Chosen(images, rows)


def shrink_all(
    session: onnxruntime.InferenceSession,
    spec: TensorSpec,
    shape: tuple[int, ...],
    images: Sequence[Any],
    progress: Callable[[int], None] | None = None,
    sample: Sample | None = None,
) -> Shrunk:
    """Runs the first stage over pictures or clips of one or of many sizes, on all cores.

    Args:
        session: The first stage.
        spec: The raw input.
        shape: What it makes of each: ``(height, width, channels)``, of clips with the frames before.
        images: One array with the examples along the first axis, or a sequence with one array an example.
        progress: Called with how many pictures were just done.
        sample: Pictures that are done already.

    Raises:
        DataError: Names the first 20 pictures that cannot be read or used.
        EnvironmentFault: They fit neither into memory nor into the temporary folder.
    """
    tell = progress or _tell_nobody
    if sample and (shrunk := sample.give_all(images)):
        tell(len(images))
        return shrunk
    num_carried = len(session.get_outputs()) - 1
    pixels = room((len(images), *shape), np.uint8)
    wholes = (pixels, *(np.empty((len(images), 2), np.float32) for _ in range(num_carried)))
    done = sample.give(wholes, images) if sample else frozenset()
    if isinstance(images, ClipFiles):
        images = images.choosing(chooser(shape[0]))

    def shrink(part: slice) -> DataError | None:
        try:
            pictures = _read(spec, images, part)
        except DataError as error:
            return error
        for whole, piece in zip(wholes, session.run(None, {spec.name: pictures}), strict=True):
            whole[part] = piece
        return None

    def work(parts: list[slice]) -> list[DataError]:
        return [failure for part in parts if part.start not in done and (failure := shrink(part))]

    failures: list[DataError] = []
    with ThreadPoolExecutor(num_cores()) as pool:
        tasks = list(_tasks(spec, images))
        for parts, failed in zip(tasks, pool.map(work, tasks), strict=True):
            failures += failed
            tell(parts[-1].stop - parts[0].start)
    if failures:
        raise unreadable(failures, len(images), "clips" if spec.kind == "video" else "pictures")
    return wholes


def _tell_nobody(count: int) -> None:
    pass


def _tasks(spec: TensorSpec, images: Sequence[Any]) -> Iterator[list[slice]]:
    """What a thread does in one go: a chunk of a stack at once, or some pictures one by one."""
    is_stack = _is_stack(spec, images)
    length = _FILES_A_TASK
    if is_stack and len(images):
        length = max(1, min(_CHUNK, _CHUNK_BYTES // max(1, images[0].nbytes)))
    for start in range(0, len(images), length):
        stop = min(start + length, len(images))
        yield [slice(start, stop)] if is_stack else [slice(k, k + 1) for k in range(start, stop)]


def _is_stack(spec: TensorSpec, images: Sequence[Any]) -> bool:
    return isinstance(images, np.ndarray) and images.ndim == 1 + len(spec.shape)


def _read(spec: TensorSpec, images: Sequence[Any], part: slice) -> NDArray[np.uint8]:
    given = np.asarray(images[part] if _is_stack(spec, images) else images[part.start][None])
    fits = given.ndim == 1 + len(spec.shape) and given.shape[-1] == spec.shape[-1] and 0 not in given.shape
    if given.dtype != np.uint8 or not fits:
        what, axes = ("clip", "frames, height") if spec.kind == "video" else ("picture", "height")
        raise DataError(
            f"{what} {part.start} of input {spec.name!r} is {given.dtype} {list(given.shape[1:])}; "
            f"a {what} is uint8 [{axes}, width, {spec.shape[-1]}]"
        )
    return np.ascontiguousarray(given)


class _Chosen(Sequence[Any]):
    def __init__(self, images: Sequence[Any], rows: NDArray[np.int_]) -> None:
        self._images, self._rows = images, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._images[int(self._rows[index])]
