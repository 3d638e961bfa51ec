"""One picture's objects as an annotation has them, checked against the picture.

Boxes are left, top, right, bottom in pixels, the picture's upper left corner being (0, 0) and its lower
right one (width, height). Pascal VOC counts pixels from 1 and includes the last one; by up to one pixel a
box may therefore reach over an edge, and is clipped to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.contracts.examples import Objects
from zoo.errors import DataError
from zoo.runtime.images import open_image

_TOLERATED_PX = 1.0


@dataclass(frozen=True)
class Annotated:
    """One picture.

    Attributes:
        picture: Its file.
        where: The annotation, for messages.
        objects: What is in it.
        difficult: Bool ``[objects]``.
        size: Width and height that the annotation says, where it does.
    """

    picture: Path
    where: str
    objects: Objects
    difficult: Any
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rules:
    """What to do with boxes that are not quite right.

    Attributes:
        degenerate: Those without an area.
        outside: Those that reach over an edge by more than a pixel.
        difficult: Those that Pascal VOC calls difficult.
    """

    degenerate: Literal["refuse", "drop"] = "refuse"
    outside: Literal["refuse", "clip"] = "refuse"
    difficult: Literal["keep", "drop"] = "keep"


def check(found: Iterable[Annotated], rules: Rules) -> list[Annotated]:
    """Pictures with their boxes checked.

    Raises:
        DataError: A picture is missing or has another size, or a box is not right; names file and object.
    """
    return [_checked(each, rules) for each in found]


def make_objects(
    labels: Sequence[str], boxes: Sequence[Sequence[float]], crowd: Sequence[bool] = ()
) -> Objects:
    """Objects from lists; without ``crowd`` none is one."""
    shaped = np.array(boxes, np.float64).reshape(-1, 4)
    return Objects(tuple(labels), shaped, np.array(crowd or [False] * len(labels), bool))


def _checked(each: Annotated, rules: Rules) -> Annotated:
    size = _size(each)
    boxes = np.array(each.objects.boxes)
    for number, box in enumerate(boxes):
        _check_box(each, number, box, size, rules)
    boxes = np.clip(boxes, 0, [*size, *size])
    # A box without an area, or wholly outside its picture, is nothing to be found.
    keep = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    difficult = np.asarray(each.difficult, bool)
    keep &= ~difficult if rules.difficult == "drop" else True
    labels = tuple(label for label, is_kept in zip(each.objects.labels, keep, strict=True) if is_kept)
    objects = Objects(labels, boxes[keep], np.asarray(each.objects.crowd, bool)[keep])
    return Annotated(each.picture, each.where, objects, difficult[keep], size)


def _check_box(each: Annotated, number: int, box: Any, size: tuple[int, int], rules: Rules) -> None:
    sides = ", ".join(f"{side:g}" for side in box)
    what = f"{each.where}, object {number + 1} ({each.objects.labels[number]}): box ({sides})"
    if not np.isfinite(box).all():
        raise DataError(f"{what} holds what is no number", fix="correct the annotation")
    if box[2] <= box[0] or box[3] <= box[1]:
        if rules.degenerate == "refuse":
            raise DataError(f"{what} has no area", fix="data.degenerate=drop leaves such boxes out")
    elif min(*box[:2], size[0] - box[2], size[1] - box[3]) < -_TOLERATED_PX and rules.outside == "refuse":
        raise DataError(
            f"{what} reaches over the edge of the picture, {size[0]} x {size[1]}",
            fix="correct the annotation, or data.outside=clip",
        )


def _size(each: Annotated) -> tuple[int, int]:
    if not each.picture.is_file():
        raise DataError(
            f"{each.where}: names the picture {each.picture.name}, which is missing in {each.picture.parent}",
            fix="add the picture, or remove the annotation",
        )
    try:
        with open_image(each.picture) as opened:
            size = opened.size
    # On damaged bytes Pillow raises almost anything; whatever it is, the file is at fault.
    except Exception as error:
        raise DataError(
            f"{each.picture}: is not an image", fix="remove the file or fetch it again"
        ) from error
    if each.size is not None and each.size != size:
        raise DataError(
            f"{each.where}: says that {each.picture.name} is {each.size[0]} x {each.size[1]}; "
            f"it is {size[0]} x {size[1]}",
            fix="annotate the picture again, or correct its size",
        )
    return size
