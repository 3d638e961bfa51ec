"""Reads pictures with a mask each: ``images/`` beside ``masks/``, or the folders of Pascal VOC.

A mask is a picture of the same name whose pixels are the numbers of labels, 255 where it is not known. A
text file beside the folders may name the labels, one a line from number 0 on.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import ExifTags

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import UNKNOWN_PIXEL, Mask
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.masks import MASK_SUFFIXES, MaskFiles, read_mask
from zoo.data.readers.images import are_grey
from zoo.data.splits import ROLES
from zoo.errors import DataError
from zoo.runtime.cores import num_cores
from zoo.runtime.images import ImageFiles, find_images, open_image
from zoo.runtime.media import MAX_LISTED
from zoo.runtime.texts import decode_file

INPUT = "image"
_LAYOUTS = (("images", "masks"), ("JPEGImages", "SegmentationClass"))
_NAMES = ("labels.txt", "classes.txt", "class_names.txt")
_LISTS = Path("ImageSets", "Segmentation")
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class _Pair:
    picture: Path
    mask: Path
    name: str


def refuses(path: Path) -> str:
    """Why these are no pictures with masks; empty if they are."""
    if not path.is_dir():
        return "not a folder"
    wanted = " or ".join(" beside ".join(each) for each in _LAYOUTS)
    return "" if _folders(path) or _split_folders(path) else f"holds no folder {wanted}"


def read(path: Path, *, channels: Literal["auto", 1, 3] = "auto") -> Splits:
    """The pictures of a folder with the label of each of their pixels.

    Args:
        path: A folder with ``images`` and ``masks``, or in the form of Pascal VOC; or its folder of masks.
        channels: 1 reads pictures as grey, 3 as colour; auto takes 1 if all of a sample are grey.

    Raises:
        DataError: A mask is missing, damaged or does not fit its picture; all of them are named.
    """
    parts = _find(path)
    pairs = [pair for found in parts.values() for pair in found]
    occurring = _numbers(pairs)
    labels, is_black_and_white = _labels(path, pairs, occurring)
    grey = [pair.picture for pair in parts["train"]]
    num_channels = (1 if are_grey(grey) else 3) if channels == "auto" else channels
    signature = Signature((TensorSpec(INPUT, "image", "uint8", (None, None, num_channels)),), Mask(labels))
    splits = {role: _examples(found, signature, is_black_and_white) for role, found in parts.items()}
    return Splits(signature, splits["train"], splits.get("validation"), splits.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every picture as examples of ``signature``.

    Raises:
        DataError: As for ``read``, or a number has no label.
    """
    if not isinstance(signature.target, Mask):
        raise DataError(
            f"{path}: holds pictures with masks, but the model answers {signature.target.kind}",
            fix="give data of the trained kind",
        )
    parts = _find(path)
    pairs = [pair for found in parts.values() for pair in found]
    occurring = _numbers(pairs)
    labels = signature.target.labels
    is_black_and_white = len(labels) == 2 and _is_black_and_white(occurring)
    if not is_black_and_white:
        _require_named(pairs, occurring, labels)
    return concatenate([_examples(found, signature, is_black_and_white) for found in parts.values()])


def _folders(path: Path) -> tuple[Path, Path] | None:
    """The folders of pictures and of masks; the latter may be what was given."""
    for pictures, masks in _LAYOUTS:
        root = path.parent if path.name == masks else path
        if (root / pictures).is_dir() and (root / masks).is_dir():
            return root / pictures, root / masks
    return None


def _split_folders(path: Path) -> dict[str, Path]:
    """Folders named after splits that hold pictures and masks each, ``train`` among them."""
    named = {ROLES[each.name.lower()]: each for each in sorted(path.iterdir()) if each.name.lower() in ROLES}
    found = {role: each for role, each in named.items() if each.is_dir() and _folders(each)}
    return found if "train" in found else {}


def _find(path: Path) -> dict[str, list[_Pair]]:
    """Pictures and masks by split; all in train where nothing says otherwise."""
    folders = _folders(path)
    if folders is None:
        return {role: _find(each)["train"] for role, each in _split_folders(path).items()}
    pictures, masks = folders
    lists = {
        ROLES[file.stem]: file for file in (pictures.parent / _LISTS).glob("*.txt") if file.stem in ROLES
    }
    if "train" in lists:
        return {role: _listed(file, pictures, masks) for role, file in lists.items()}
    roles = {ROLES.get(each.name.lower()): each.name for each in pictures.iterdir() if each.is_dir()}
    if "train" in roles and None not in roles:
        return {str(role): _pairs(pictures / name, masks / name, path) for role, name in roles.items()}
    return {"train": _pairs(pictures, masks, path)}


def _listed(file: Path, pictures: Path, masks: Path) -> list[_Pair]:
    """The pairs that a list of names speaks of."""
    names = [line.split()[0] for line in decode_file(file).splitlines() if line.strip()]
    known = {pair.name: pair for pair in _pairs(pictures, masks, pictures.parent, names)}
    return list(known.values())


def _pairs(pictures: Path, masks: Path, root: Path, names: Sequence[str] | None = None) -> list[_Pair]:
    """A picture and a mask of each name; every picture's, or in Pascal VOC every mask's, unless some are named."""
    found = {each.relative_to(pictures).with_suffix("").as_posix(): each for each in find_images(pictures)}
    drawn = {
        each.relative_to(masks).with_suffix("").as_posix(): each
        for each in find_images(masks)
        if each.suffix.lower() in MASK_SUFFIXES
    }
    wanted = (
        names if names is not None else sorted(drawn if masks.name == _LAYOUTS[1][1] else {**found, **drawn})
    )
    problems = [
        f"{name}: there is no {what} of that name in {folder.name}"
        for name in wanted
        for what, folder, files in (("picture", pictures, found), ("mask", masks, drawn))
        if name not in files
    ]
    _refuse(
        problems,
        len(wanted),
        f"a picture and its mask have one name; masks end in {', '.join(MASK_SUFFIXES)}",
    )
    if not wanted:
        raise DataError(
            f"{root}: {pictures.name} and {masks.name} are empty", fix="add pictures and their masks"
        )
    return [_Pair(found[name], drawn[name], f"{name}{found[name].suffix}") for name in wanted]


def _numbers(pairs: Sequence[_Pair]) -> list[set[int]]:
    """The numbers that occur in each mask; its size is looked at too.

    Raises:
        DataError: Names every mask that is damaged, is none, is larger or smaller than its picture, or empty.
    """
    with ThreadPoolExecutor(num_cores()) as pool:
        looked = list(pool.map(_look, pairs))
    problems = [each for each in looked if isinstance(each, str)]
    _refuse(problems, len(pairs), "draw these masks again, or remove them with their pictures")
    return [each for each in looked if isinstance(each, set)]


def _look(pair: _Pair) -> set[int] | str:
    try:
        mask = read_mask(pair.mask)
    except DataError as error:
        return error.message
    height, width = _picture_size(pair.picture) or mask.shape
    if mask.shape != (height, width):
        return f"{pair.mask.name}: is {mask.shape[1]} x {mask.shape[0]}, its picture {width} x {height}"
    occurring = set(np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist())
    if occurring == {UNKNOWN_PIXEL}:
        return f"{pair.mask.name}: is {UNKNOWN_PIXEL} everywhere, which says that no pixel is known"
    return occurring


def _picture_size(path: Path) -> tuple[int, int] | None:
    """Height and width of a picture as it is shown; none of one that cannot be opened, which is said later."""
    try:
        with open_image(path) as opened:
            is_sideways = opened.getexif().get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
            return opened.size if is_sideways else opened.size[::-1]
    except Exception:
        return None


def _labels(
    path: Path, pairs: Sequence[_Pair], occurring: Sequence[set[int]]
) -> tuple[tuple[str, ...], bool]:
    """The labels by number, and whether masks are black and white."""
    names = _names(path)
    if _is_black_and_white(occurring) and len(names) in (0, 2):
        return names or ("0", "1"), True
    known = set[int]().union(*occurring) - {UNKNOWN_PIXEL}
    if len(known) < 2:
        raise DataError(
            f"{path}: every known pixel of the {len(pairs)} masks is {min(known)}; there is nothing to tell apart",
            fix=f"a mask holds the number of a label a pixel, from 0 on; {UNKNOWN_PIXEL} stands for not known",
        )
    if names:
        _require_named(pairs, occurring, names)
    return names or tuple(str(number) for number in range(max(known) + 1)), False


def _is_black_and_white(occurring: Sequence[set[int]]) -> bool:
    """Whether there is nothing but 0 and 255: no number but 0 would be known otherwise."""
    return set[int]().union(*occurring) == {0, UNKNOWN_PIXEL}


def _require_named(pairs: Sequence[_Pair], occurring: Sequence[set[int]], names: Sequence[str]) -> None:
    problems = [
        f"{pair.mask.name}: holds {max(numbers - {UNKNOWN_PIXEL})}"
        for pair, numbers in zip(pairs, occurring, strict=True)
        if max(numbers - {UNKNOWN_PIXEL}) >= len(names)
    ]
    allowed = (
        f"there are {len(names)} labels, for the numbers 0 to {len(names) - 1}; {UNKNOWN_PIXEL} is not known"
    )
    _refuse(problems, len(pairs), f"{allowed}; name the others, or correct the masks")


def _names(path: Path) -> tuple[str, ...]:
    """What a file beside the folders calls the labels; nothing if there is none."""
    folders = _folders(path)
    root = folders[0].parent if folders else path
    file = next((root / name for name in _NAMES if (root / name).is_file()), None)
    if file is None:
        return ()
    names = tuple(line.strip() for line in decode_file(file).strip().splitlines())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or "" in names or not 2 <= len(names) <= UNKNOWN_PIXEL:
        reason = f"{twice!r} stands there twice" if twice else f"it has {len(names)} lines, or an empty one"
        raise DataError(
            f"{file}: {reason}", fix=f"name 2 to {UNKNOWN_PIXEL} labels, one a line, from number 0 on"
        )
    return names


def _refuse(problems: Sequence[str], number: int, fix: str) -> None:
    """One error for all that is wrong.

    Raises:
        DataError: There is something.
    """
    if problems:
        listed = [f"  {each}" for each in problems[:MAX_LISTED]]
        if len(problems) > MAX_LISTED:
            listed.append(f"  and {len(problems) - MAX_LISTED} more")
        raise DataError("\n".join([f"{len(problems)} of {number} masks cannot be used:", *listed]), fix=fix)


def _examples(found: Sequence[_Pair], signature: Signature, is_black_and_white: bool) -> Examples:
    channels = signature.inputs[0].shape[2] or 3
    pictures = ImageFiles(tuple(pair.picture for pair in found), channels)
    masks = MaskFiles(tuple(pair.mask for pair in found), 1, is_black_and_white)
    return Examples({signature.inputs[0].name: pictures}, masks, [pair.name for pair in found])
