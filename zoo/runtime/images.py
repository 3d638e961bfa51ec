"""Decodes pictures: the one code that turns image files into pixels, in training and afterwards."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np

from zoo.errors import DataError
from zoo.reading import open_regular
from zoo.runtime.media import MediaFiles

if TYPE_CHECKING:
    from PIL.Image import Image

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

IMAGE_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_JPEG = b"\xff\xd8\xff"

# By EXIF orientation, what shows a picture upright.
_UPRIGHT: "dict[int, Callable[[Pixels], Pixels]]" = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}


def decode_image(path: Path, channels: int) -> "Pixels":
    """Decodes a picture to uint8 ``[height, width, channels]``, grey with 1 channel and RGB with 3.

    It can be called from several threads. The orientation of its EXIF data is applied, transparency is laid over white, 16-bit greys are scaled
    to 8 bits, and of an animation the first frame is taken. The content decides, not the suffix.

    Raises:
        DataError: The file is missing, empty, truncated, not an image, or too large to be decoded safely.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes)", fix="remove the file or fetch it again")
    try:
        return _decode(path, channels)
    except PermissionError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror}", fix="check its permissions") from error
    # On damaged bytes Pillow's decoders raise almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise DataError(f"{path}: {reason_of(error)}", fix="remove the file or fetch it again") from error


@contextmanager
def open_image(path: Path) -> "Iterator[Image]":
    """Opens a picture of a known format; of its content only the header is read.

    Pillow would also hand PostScript to an interpreter, whatever the file is called.

    Raises:
        OSError, ValueError: It cannot be opened, or is no picture.
    """
    from PIL import Image

    with open_regular(path) as file, Image.open(file, formats=_formats()) as opened:
        yield opened


@cache
def _formats() -> tuple[str, ...]:
    """Those that the installed Pillow decodes."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@dataclass(frozen=True)
class ImageFiles(MediaFiles):
    """Pictures that stay files until one is asked for."""

    noun: ClassVar[str] = "pictures"

    def decode(self, path: Path) -> "Pixels":
        """Pixels uint8 ``[height, width, channels]`` of one file."""
        return decode_image(path, self.channels)


def find_images(folder: Path) -> list[Path]:
    """Every picture in a folder and those below it, by suffix, sorted; hidden ones are left out."""
    return sorted(_walk(folder))


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and in place of a folder the pictures in it.

    Raises:
        DataError: A path does not exist, or a folder holds no picture.
    """
    return [file for path in paths for file in _expand(path)]


def _expand(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder", fix="check the path")
    if found := find_images(path):
        return found
    raise DataError(f"{path}: holds no pictures", fix=f"pictures end in {', '.join(IMAGE_SUFFIXES)}")


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES):
                yield Path(place, name)


def _decode(path: Path, channels: int) -> "Pixels":
    with open_regular(path) as file:
        if file.read(len(_JPEG)) == _JPEG:
            pixels = _decode_jpeg(_JPEG + file.read(), channels)
            if pixels is not None:
                return pixels
        file.seek(0)
        return _decode_by_pillow(file, channels)


def _decode_by_pillow(file: BinaryIO, channels: int) -> "Pixels":
    from PIL import Image

    with Image.open(file, formats=_formats()) as opened:
        return pixels_of(opened, channels)


def pixels_of(image: "Image", channels: int) -> "Pixels":
    """What is shown, upright and over white: uint8 ``[height, width, channels]``.

    Raises:
        ValueError: Its pixels have no known range.
        DecompressionBombError: It is too large.
    """
    from PIL import ImageOps

    _check_size(image.width, image.height)
    upright = ImageOps.exif_transpose(image)
    plain = _over_white(_to_8_bits(upright))
    pixels = np.array(plain.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def _decode_jpeg(content: bytes, channels: int) -> "Pixels | None":
    """What Pillow makes of a grey or coloured JPEG, bit for bit, in half the time; ``None`` of anything else.

    Pillow is left what is damaged, since it says how, and CMYK. Opening a file with it holds up all threads
    for as long as sixteen of them take to decode one, so it is only asked where there may be an orientation.
    """
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        _check_size(width, height)
        # Of colour libjpeg makes another grey than Pillow, in the last bit.
        if colours != "Gray" and (colours not in ("YCbCr", "RGB") or channels == 1):
            return None
        turn = _UPRIGHT.get(_orientation(content))
        pixels: Pixels = simplejpeg.decode_jpeg(content, "GRAY" if channels == 1 else "RGB")
    except ValueError:
        return None
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _orientation(content: bytes) -> int:
    """1 for upright, and so on up to 8, as EXIF or XMP says."""
    from PIL import ExifTags, Image

    if b"Exif\0\0" not in content and b"tiff:Orientation" not in content:
        return 1
    with Image.open(BytesIO(content), formats=_formats()) as opened:
        return int(opened.getexif().get(ExifTags.Base.Orientation, 1))


def _check_size(width: int, height: int) -> None:
    """Pillow itself only warns up to twice its limit.

    Turning the warning into an error would change the filters of all threads, and pictures are decoded in
    several.
    """
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS and width * height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def _to_8_bits(image: "Image") -> "Image":
    """Scales integers of 16 bits; Pillow would clip them at 255."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("has floating-point pixels, whose range is unknown")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("has 32-bit pixels, whose range is unknown")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _over_white(image: "Image") -> "Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def reason_of(error: Exception) -> str:
    """Why a picture cannot be decoded, in words."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "is not an image"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"is too large to be decoded safely (more than {Image.MAX_IMAGE_PIXELS:,} pixels)"
    text = " ".join(str(error).split())
    return f"cannot be decoded: {text or type(error).__name__}"
