"""Draws answers that are to be looked at: boxes or labels on a picture, samples in a grid."""

import colorsys
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

Pixels = npt.NDArray[np.uint8]

_GOLDEN_RATIO = 0.61803398875
_GAP = 2
_BACKGROUND = 255
_SMALLEST_SIDE = 28
_SMALLEST_FONT, _LARGEST_FONT = 10, 28
_UNCOLOURED = "background"
_OPACITY = 0.5


def draw_picture(picture: Any) -> bytes:
    """A PNG of pixels uint8 ``[height, width, 1 or 3]``."""
    return _as_png(_as_image(np.asarray(picture)))


def draw_grid(pictures: Any, columns: int | None = None) -> bytes:
    """A PNG of pictures uint8 ``[n, height, width, 1 or 3]``, row by row; small ones are enlarged.

    Args:
        pictures: At least one.
        columns: Pictures in a row; as many rows as columns by default.
    """
    given: Pixels = np.asarray(pictures)
    enlarged = given.repeat(max(1, _SMALLEST_SIDE // given.shape[1]), axis=1)
    enlarged = enlarged.repeat(max(1, _SMALLEST_SIDE // given.shape[2]), axis=2)
    num, height, width, channels = enlarged.shape
    across = columns or int(np.ceil(np.sqrt(num)))
    down = -(-num // across)
    sheet = np.full((down * (height + _GAP) + _GAP, across * (width + _GAP) + _GAP, channels), _BACKGROUND)
    for place, picture in enumerate(enlarged):
        top, left = (
            _GAP + index * (side + _GAP)
            for index, side in zip(divmod(place, across), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = picture
    return _as_png(_as_image(sheet.astype(np.uint8)))


def draw_boxes(picture: Any, objects: Sequence[Mapping[str, Any]], *, labels: Sequence[str]) -> bytes:
    """A PNG of a picture with its objects: a colour a label, each with its name and score.

    Args:
        picture: uint8 ``[height, width, 1 or 3]``.
        objects: ``label``, ``score`` and ``box`` (left, top, right, bottom) each, best first.
        labels: All labels, which decides the colours.
    """
    from PIL import ImageDraw, ImageFont

    image = _as_image(np.asarray(picture)).convert("RGB")
    pen = ImageDraw.Draw(image)
    side = min(image.size)
    thickness = max(1, round(side / 240))
    font = ImageFont.load_default(min(_LARGEST_FONT, max(_SMALLEST_FONT, side // 32)))
    for each in reversed(objects):  # the best lies on top
        colour = _colour(list(labels).index(each["label"]))
        pen.rectangle(tuple(each["box"]), outline=colour, width=thickness)
    for each in reversed(objects):
        colour, text = _colour(list(labels).index(each["label"])), f"{each['label']} {each['score']:.2f}"
        left, _, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = min(max(0.0, each["box"][0]), max(0, image.width - right - 4))
        # Above the box, or inside where there is no room.
        y = each["box"][1] - bottom - 3 if each["box"][1] >= bottom + 3 else each["box"][1]
        pen.rectangle((x, y, x + right - left + 4, y + bottom + 3), fill=colour)
        pen.text((x + 2 - left, y + 1), text, fill="white", font=font)
    return _as_png(image)


def draw_mask(picture: Any, mask: Any, *, labels: Sequence[str]) -> bytes:
    """A PNG of a picture in the colours of its pixels' labels, and what they are called.

    Pixels of a label that is called background, and those without one, stay as they are.

    Args:
        picture: uint8 ``[height, width, 1 or 3]``.
        mask: uint8 ``[height, width]``: the place of each pixel's label.
        labels: All labels.
    """
    from PIL import ImageDraw, ImageFont

    image = _as_image(np.asarray(picture)).convert("RGB")
    shown = [place for place, label in enumerate(labels) if label.strip("_").lower() != _UNCOLOURED]
    found = [place for place in shown if (mask == place).any()]
    pixels = np.array(image)
    for place in found:
        inside = mask == place
        pixels[inside] = (1 - _OPACITY) * pixels[inside] + _OPACITY * np.array(_colour(place))
    image = _as_image(pixels)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(min(_LARGEST_FONT, max(_SMALLEST_FONT, min(image.size) // 32)))
    top = 0.0
    for place in found:
        left, _, right, bottom = pen.textbbox((0, 0), labels[place], font=font)
        pen.rectangle((0, top, right - left + 4, top + bottom + 3), fill=_colour(place))
        pen.text((2 - left, top + 1), labels[place], fill="white", font=font)
        top += bottom + 4
    return _as_png(image)


def draw_numbers(mask: Any, *, num_labels: int) -> bytes:
    """A PNG with a palette whose pixels are the places of labels, white where there is none.

    Args:
        mask: uint8 ``[height, width]``.
        num_labels: How many labels there are, which decides the palette.
    """
    image = _as_image(np.asarray(mask, np.uint8)[:, :, np.newaxis])
    colours = [_colour(place) if place < num_labels else (255, 255, 255) for place in range(256)]
    image.putpalette([part for colour in colours for part in colour])
    return _as_png(image)


def _colour(place: int) -> tuple[int, int, int]:
    """Dark enough for white letters, and far from those of neighbouring labels."""
    red, green, blue = colorsys.hsv_to_rgb((place * _GOLDEN_RATIO + 0.02) % 1.0, 0.9, 0.72)
    return round(255 * red), round(255 * green), round(255 * blue)


def _as_image(pixels: Pixels) -> "Image.Image":
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _as_png(image: "Image.Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
