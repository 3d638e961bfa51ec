"""Reads pictures with boxes: Pascal VOC folders, COCO JSON, and a CSV of boxes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Boxes
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.readers.objects import coco, lines, voc
from zoo.data.readers.objects.annotated import Annotated, Rules, check
from zoo.data.targets import ordered
from zoo.errors import DataError, did_you_mean
from zoo.runtime.images import ImageFiles

INPUT = "image"


@dataclass(frozen=True)
class _Format:
    refuses: Callable[[Path], str]
    read: Callable[[Path], Mapping[str, list[Annotated]]]


_FORMATS = {
    "Pascal VOC": _Format(voc.refuses, voc.read),
    "COCO JSON": _Format(coco.refuses, coco.read),
    "CSV of boxes": _Format(lines.refuses, lines.read),
}


def refuses(path: Path) -> str:
    """Why these are no pictures with boxes; empty if they are."""
    reasons = {name: form.refuses(path) for name, form in _FORMATS.items()}
    return "" if "" in reasons.values() else "; ".join(f"{name}: {why}" for name, why in reasons.items())


def read(
    path: Path,
    *,
    degenerate: Literal["refuse", "drop"] = "refuse",
    outside: Literal["refuse", "clip"] = "refuse",
    difficult: Literal["keep", "drop"] = "keep",
    channels: Literal[1, 3] = 3,
) -> Splits:
    """The pictures of a folder with the objects in them.

    Args:
        path: A folder in the form of Pascal VOC, a folder or file of COCO JSON, or a CSV of boxes.
        degenerate: What to do with a box without an area.
        outside: What to do with a box that reaches over the edge of its picture by more than a pixel.
        difficult: What to do with objects that Pascal VOC calls difficult.
        channels: 1 reads pictures as grey, 3 as colour.

    Raises:
        DataError: An annotation or picture is missing, damaged or does not fit; names file and object.
    """
    rules = Rules(degenerate, outside, difficult)
    parts = {role: check(found, rules) for role, found in _read(path).items()}
    names = {label for found in parts.values() for each in found for label in each.objects.labels}
    if not names:
        raise DataError(f"{path}: there is no object in any picture", fix="check the annotations")
    signature = Signature(
        (TensorSpec(INPUT, "image", "uint8", (None, None, channels)),), Boxes(ordered(names))
    )
    splits = {role: _examples(found, signature) for role, found in parts.items()}
    return Splits(signature, splits["train"], splits.get("validation"), splits.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every picture as examples of ``signature``.

    Raises:
        DataError: As for ``read``, or a label is not known.
    """
    if not isinstance(signature.target, Boxes):
        raise DataError(
            f"{path}: holds pictures with boxes, but the model answers {signature.target.kind}",
            fix="give data of the trained kind",
        )
    words = {name: options[name] for name in ("degenerate", "outside", "difficult") if name in options}
    found = [each for part in _read(path).values() for each in check(part, Rules(**words))]
    return concatenate([_examples(found, signature)])


def _read(path: Path) -> Mapping[str, list[Annotated]]:
    for form in _FORMATS.values():
        if not form.refuses(path):
            return form.read(path)
    raise DataError(f"{path}: holds no pictures with boxes", fix=refuses(path))


def _examples(found: Sequence[Annotated], signature: Signature) -> Examples:
    assert isinstance(signature.target, Boxes)
    known = set(signature.target.labels)
    truth = np.empty(len(found), dtype=object)
    for place, each in enumerate(found):
        for number, label in enumerate(each.objects.labels, start=1):
            if label not in known:
                raise DataError(
                    f"{each.where}, object {number}: label {label!r} does not occur in the training data",
                    fix=did_you_mean(label, known),
                )
        truth[place] = each.objects
    channels = signature.inputs[0].shape[2] or 3
    files = ImageFiles(tuple(each.picture for each in found), channels)
    return Examples({signature.inputs[0].name: files}, truth, [each.picture.name for each in found])
