"""Decodes clips: the one code that turns files and folders of frames into frames, in training and afterwards."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.errors import DataError
from zoo.reading import open_regular
from zoo.runtime.contents import read_content
from zoo.runtime.films import VIDEO_SUFFIXES, decode_film, require_decoder
from zoo.runtime.images import IMAGE_SUFFIXES, decode_image, open_image, pixels_of, reason_of
from zoo.runtime.media import MediaFiles

if TYPE_CHECKING:
    from PIL.Image import Image

    Frames = np.ndarray[Any, np.dtype[np.uint8]]

ANIMATION_SUFFIXES = (".apng", ".avif", ".gif", ".png", ".webp")
"""Of files that may hold one picture or several frames."""

ARRAY_SUFFIX = ".npy"
CLIP_SUFFIXES = tuple(sorted({*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES, *IMAGE_SUFFIXES, ARRAY_SUFFIX}))
MAX_BYTES = 2**31
"""Of the frames of one clip that are decoded; a longer one would not fit beside others into memory."""

Choose = Callable[[int], Sequence[int]]
"""Which of so many frames are wanted, in their order."""


def decode_clip(path: Path, channels: int, choose: Choose = range) -> "Frames":
    """Decodes a clip to uint8 ``[frames, height, width, channels]``, grey with 1 channel and RGB with 3.

    Args:
        path: An animated picture, a video file, a ``.npy`` array, or a folder whose pictures are the frames,
            in the order of the numbers in their names.
        channels: 1 for grey, 3 for colour.
        choose: Which frames are decoded; all by default.

    Raises:
        DataError: It is missing or damaged, has no frames or a single one, or frames of differing sizes.
    """
    if path.is_dir():
        return _of_folder(path, channels, choose)
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder", fix="check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes)", fix="remove the file or fetch it again")
    if path.suffix.lower() == ARRAY_SUFFIX:
        return _of_array(path, channels, choose)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return stacked(path, decode_film(path, channels, choose))
    try:
        return _of_animation(path, channels, choose)
    except (DataError, PermissionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be opened: {error.strerror}", fix="check its permissions") from error
    # On damaged bytes Pillow's decoders raise almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise DataError(f"{path}: {reason_of(error)}", fix="remove the file or fetch it again") from error


@dataclass(frozen=True)
class ClipFiles(MediaFiles):
    """Clips that stay files or folders until one is asked for.

    Attributes:
        choose: Which frames of a clip are decoded.
    """

    choose: Choose = field(default=range, compare=False)
    noun: ClassVar[str] = "clips"

    def decode(self, path: Path) -> "Frames":
        """Frames uint8 ``[frames, height, width, channels]`` of one clip."""
        return decode_clip(path, self.channels, self.choose)

    def content(self, path: Path) -> bytes:
        """The bytes of a file, or digests of those of the frames in a folder."""
        if not path.is_dir():
            return read_content(path)
        return b"".join(hashlib.blake2b(read_content(frame)).digest() for frame in find_frames(path))

    def choosing(self, choose: Choose) -> "ClipFiles":
        """The same clips, of which only some frames are decoded."""
        return replace(self, choose=choose)


def find_frames(folder: Path) -> list[Path]:
    """The pictures right in a folder, in the order of the numbers in their names: 2 before 10."""
    found = (
        each for each in folder.iterdir() if _is_shown(each) and each.name.lower().endswith(IMAGE_SUFFIXES)
    )
    return sorted((each for each in found if each.is_file()), key=lambda each: _natural(each.name))


def find_clips(folder: Path) -> list[Path]:
    """Every clip in a folder and those below it, sorted: files by suffix, and folders that hold frames or nothing."""
    return sorted(_walk(folder))


def expand(paths: Iterable[Path]) -> list[Path]:
    """Clips as they are, and in place of a folder of clips those in it.

    Raises:
        DataError: A path does not exist, or a folder holds neither frames nor clips.
    """
    return [clip for path in paths for clip in _expand(path)]


def require_decoders(paths: Iterable[Path]) -> None:
    """Refuses video files where nothing decodes them.

    Raises:
        DataError: There is one, and PyAV is not installed.
    """
    for path in paths:
        if path.suffix.lower() in VIDEO_SUFFIXES:
            require_decoder(path)
            return


def holds_frames(folder: Path) -> bool:
    """Whether the pictures right in a folder are frames: there are some, and the first does not move itself."""
    frames = find_frames(folder)
    return bool(frames) and not is_animated(frames[0])


def is_animated(path: Path) -> bool:
    """Whether a file moves: a video, an array, or a picture of several frames; its header says."""
    suffix = path.suffix.lower()
    if suffix in (*VIDEO_SUFFIXES, ARRAY_SUFFIX):
        return True
    if suffix not in ANIMATION_SUFFIXES:
        return False
    try:
        with open_image(path) as opened:
            return bool(getattr(opened, "is_animated", False))
    # Whatever is wrong with it, decoding says.
    except Exception:
        return False


def stacked(path: Path, frames: Iterable["Frames"]) -> "Frames":
    """Frames uint8 ``[height, width, channels]`` as one array.

    Raises:
        DataError: There is none, they differ in size, or they are too large together.
    """
    kept: list[Frames] = []
    for frame in frames:
        if kept and frame.shape != kept[0].shape:
            sizes = [" x ".join(map(str, each.shape[:2])) for each in (frame, kept[0])]
            raise DataError(
                f"{path}: frame {len(kept)} is {sizes[0]} pixels high and wide, the frames before it are {sizes[1]}",
                fix="bring all frames of a clip to one size",
            )
        kept.append(frame)
        if frame.nbytes * len(kept) > MAX_BYTES:
            raise DataError(
                f"{path}: its frames of {frame.shape[0]} x {frame.shape[1]} pixels take more than {MAX_BYTES / 2**30:g} GiB",
                fix="cut it into shorter clips, or make its frames smaller",
            )
    if not kept:
        raise DataError(f"{path}: holds no frames", fix="remove it, or fetch it again")
    return np.stack(kept)


def _of_folder(folder: Path, channels: int, choose: Choose) -> "Frames":
    frames = find_frames(folder)
    if not frames:
        raise DataError(
            f"{folder}: holds no frames",
            fix=f"frames are pictures: {', '.join(IMAGE_SUFFIXES)}; or remove the folder",
        )
    chosen = list(choose(len(frames)))
    decoded: dict[int, Frames] = {}

    def decode(place: int) -> "Frames":
        if place not in decoded:
            decoded.clear()  # only the last is ever repeated
            decoded[place] = decode_image(frames[place], channels)
        return decoded[place]

    return stacked(folder, (decode(place) for place in chosen))


def _of_animation(path: Path, channels: int, choose: Choose) -> "Frames":
    with open_image(path) as opened:
        num_frames = getattr(opened, "n_frames", 1)
        if num_frames == 1:
            raise DataError(
                f"{path}: is a still picture, and a clip has several frames",
                fix="remove it, or put the clip's frames into a folder of their own",
            )
        return stacked(path, _sought(opened, channels, list(choose(num_frames))))


def _sought(opened: "Image", channels: int, places: Sequence[int]) -> "Iterator[Frames]":
    last, pixels = -1, None
    for place in places:
        if place != last or pixels is None:
            opened.seek(place)
            last, pixels = place, pixels_of(opened, channels)
        yield pixels


def _of_array(path: Path, channels: int, choose: Choose) -> "Frames":
    try:
        with open_regular(path):
            array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}", fix="save it again with numpy.save") from error
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != channels or 0 in array.shape:
        raise DataError(
            f"{path}: holds {array.dtype} {list(array.shape)}; a clip is uint8 [frames, height, width, {channels}]",
            fix="save the frames of one clip with numpy.save",
        )
    return stacked(path, (np.asarray(array[place]) for place in choose(len(array))))


def _expand(path: Path) -> list[Path]:
    if not path.is_dir() or holds_frames(path):
        return [path]
    if found := find_clips(path):
        return found
    raise DataError(
        f"{path}: holds no clips", fix=f"clips are folders of frames, or end in {', '.join(CLIP_SUFFIXES)}"
    )


def _walk(folder: Path) -> Iterator[Path]:
    for each in folder.iterdir():
        if not _is_shown(each):
            continue
        if not each.is_dir():
            if each.name.lower().endswith(CLIP_SUFFIXES):
                yield each
        elif holds_frames(each):
            yield each
        else:
            # A folder in which there is nothing at all is a clip that lost its frames.
            yield from list(_walk(each)) or [each]


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """What sorts numbers by their value."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name))
