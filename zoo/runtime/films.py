"""Decodes video files with PyAV, where it is installed: ``pip install 'zoo-core[video]'``."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo.reading import open_regular
from zoo.runtime.images import pixels_of

if TYPE_CHECKING:
    Frames = np.ndarray[Any, np.dtype[np.uint8]]

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
# Playlists are no videos here: they would have other files and addresses opened.
_FORMATS = "asf,avi,matroska,webm,mov,mp4,mpeg,mpegvideo"


def decode_film(
    path: Path, channels: int, choose: Callable[[int], Sequence[int]] = range
) -> "Iterator[Frames]":
    """The chosen frames of a video file, each uint8 ``[height, width, channels]``.

    Where frames are chosen the file is gone through twice: how many there are is only known at its end.

    Raises:
        DataError: PyAV is not installed, or the file is damaged or no video.
    """
    require_decoder(path)
    try:
        if choose is range:
            yield from (_pixels(frame, channels) for frame in _frames(path))
            return
        wanted = list(choose(sum(1 for _ in _frames(path))))
        for place, frame in enumerate(_frames(path)):
            if place in wanted:
                yield from [_pixels(frame, channels)] * wanted.count(place)
    # On damaged bytes FFmpeg and Pillow raise almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise DataError(
            f"{path}: cannot be decoded: {getattr(error, 'strerror', None) or error}",
            fix="remove the file or fetch it again",
        ) from error


def require_decoder(path: Path) -> None:
    """Refuses a video file where nothing decodes it.

    Raises:
        DataError: PyAV is not installed.
    """
    if find_spec("av") is None:
        raise DataError(
            f"{path}: is a video file, and nothing is installed that decodes it",
            fix="pip install 'zoo-core[video]', or make an animated GIF or WebP or a folder of frames of it",
        )


def _frames(path: Path) -> Iterator[Any]:
    import av

    with open_regular(path) as file, av.open(file, "r", options={"format_whitelist": _FORMATS}) as container:
        if not container.streams.video:
            raise ValueError("it holds sound, but no pictures")
        yield from container.decode(video=0)


def _pixels(frame: Any, channels: int) -> "Frames":
    return pixels_of(frame.to_image(), channels)
