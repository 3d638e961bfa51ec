"""Reads class folders of clips: ``clips/wave/1.gif``, or ``clips/wave/1/0001.jpg`` and so on, one picture a frame."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.readers.folders import ClassFolders, class_target, labels, split_folders, subfolders
from zoo.data.readers.images import are_grey
from zoo.data.targets import encode
from zoo.errors import DataError
from zoo.runtime.clips import (
    CLIP_SUFFIXES,
    ClipFiles,
    decode_clip,
    find_clips,
    find_frames,
    is_animated,
    require_decoders,
)

INPUT = "video"
_NUM_CLASSES_LOOKED_AT, _NUM_LOOKED_AT = 16, 8


def refuses(path: Path) -> str:
    """Why this is no folder of class folders of clips; empty if it is one.

    A few entries of some class folders are looked at. They are clips if most of them move: videos, pictures
    of several frames, and folders of pictures that are numbered one after another.
    """
    if not path.is_dir():
        return "not a folder"
    classes = [each for root in _training_folders(path) for each in subfolders(root)]
    entries = [entry for folder in classes[:_NUM_CLASSES_LOOKED_AT] for entry in _first_entries(folder)]
    if not entries:
        return "holds no folder with clips in it"
    num_moving = sum(_moves(entry) for entry in entries)
    if 2 * num_moving > len(entries):
        return ""
    return "what is in its folders does not move: no videos, no animations, no folders of numbered frames"


def read(
    path: Path, *, channels: Literal["auto", 1, 3] = "auto", target_type: Literal["auto", "classes"] = "auto"
) -> Splits:
    """The clips of a folder, each with the name of its class folder as label.

    Args:
        path: The folder.
        channels: 1 reads frames as grey, 3 as colour; auto takes 1 if the first frames of a sample are grey.
        target_type: What two classes are: auto makes them binary, the second one being positive.

    Raises:
        DataError: A class folder is empty, or there is nothing installed that decodes its videos.
    """
    splits = {role: _find_classes(folder) for role, folder in split_folders(path).items()}
    train = splits["train"]
    files = [file for found in train.values() for file in found]
    num_channels = (1 if are_grey(files, _decode_first) else 3) if channels == "auto" else channels
    spec = TensorSpec(INPUT, "video", "uint8", (None, None, None, num_channels))
    signature = Signature((spec,), class_target(train, target_type))
    parts = {name: _examples(path, found, signature) for name, found in splits.items()}
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every clip of the folder as examples of ``signature``.

    Raises:
        DataError: The signature takes no clips, or does not know a class folder.
    """
    if [spec.kind for spec in signature.inputs] != ["video"]:
        names = ", ".join(spec.name for spec in signature.inputs[:10])
        raise DataError(
            f"{path}: holds clips, but the model takes {names}", fix="give data of the trained kind"
        )
    folders = split_folders(path).values()
    return concatenate([_examples(path, _find_classes(folder), signature) for folder in folders])


def _training_folders(path: Path) -> list[Path]:
    try:
        return [split_folders(path)["train"]]
    except DataError:
        return subfolders(path)  # two folders for one split: whoever reads it says so


def _first_entries(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))[:_NUM_LOOKED_AT]


def _moves(entry: Path) -> bool:
    if not entry.is_dir():
        return is_animated(entry)
    frames = find_frames(entry)
    return len(frames) > 1 and not subfolders(entry) and _are_numbered([frame.stem for frame in frames])


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether names differ in their last number alone, which counts up without a gap."""
    found = [re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", name) for name in names]
    parts = [match.groups() for match in found if match]
    numbers = [int(number) for _, number, _ in parts]
    is_one_name = len({(before, after) for before, _, after in parts}) == 1
    return len(parts) == len(names) and is_one_name and all(b - a == 1 for a, b in pairwise(numbers))


def _find_classes(path: Path) -> ClassFolders:
    strays = [file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(CLIP_SUFFIXES)]
    if strays:
        raise DataError(
            f"{path}: {len(strays)} files are in no class folder, for example {min(strays).name}",
            fix="move them into the folder of their class",
        )
    found = {folder.name: find_clips(folder) for folder in subfolders(path)}
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise DataError(
            f"{path}: class folders without clips: {', '.join(empty[:10])}",
            fix=f"remove them, or add clips: folders of frames, or files ({', '.join(CLIP_SUFFIXES)})",
        )
    for files in found.values():
        require_decoders(files)
    return found


def _examples(path: Path, classes: ClassFolders, signature: Signature) -> Examples:
    files = tuple(file for found in classes.values() for file in found)
    ids = [file.relative_to(path).as_posix() for file in files]
    spec = signature.inputs[0]
    clips = ClipFiles(files, spec.shape[3] or 3)
    return Examples({spec.name: clips}, encode(signature.target, [labels(classes)], ids), ids)


def _decode_first(file: Path) -> NDArray[Any]:
    return decode_clip(file, 3, _first)


def _first(num_frames: int) -> Sequence[int]:
    return range(min(1, num_frames))
