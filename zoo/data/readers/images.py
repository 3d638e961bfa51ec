"""Reads class folders of pictures: ``photos/cat/1.jpg``, or ``photos/train/cat/1.jpg`` beside ``test``.

A folder of nothing but pictures is a single class, which is enough for a network that generates more of them.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.readers.folders import ClassFolders, class_target, labels, split_folders, subfolders
from zoo.data.targets import encode
from zoo.errors import DataError
from zoo.runtime.images import IMAGE_SUFFIXES, ImageFiles, decode_image, find_images

INPUT = "image"
_NUM_SAMPLED = 64


def refuses(path: Path) -> str:
    """Why this is no folder of class folders; empty if it is one."""
    if not path.is_dir():
        return "not a folder"
    if any(find_images(folder) for folder in subfolders(path)):
        return ""
    if _is_flat(path):
        return ""
    if find_images(path):
        return "its pictures are not in folders, one a class"
    return "holds no folder with pictures in it"


def read(
    path: Path, *, channels: Literal["auto", 1, 3] = "auto", target_type: Literal["auto", "classes"] = "auto"
) -> Splits:
    """The pictures of a folder, each with the name of its class folder as label.

    Args:
        path: The folder.
        channels: 1 reads pictures as grey, 3 as colour; auto takes 1 if all of a sample are grey.
        target_type: What two classes are: auto makes them binary, the second one being positive.

    Raises:
        DataError: A class folder is empty.
    """
    splits = _find_splits(path)
    train = splits["train"]
    files = [file for found in train.values() for file in found]
    num_channels = (1 if are_grey(files) else 3) if channels == "auto" else channels
    spec = TensorSpec(INPUT, "image", "uint8", (None, None, num_channels))
    signature = Signature((spec,), class_target(train, target_type))
    parts = {name: _examples(path, found, signature) for name, found in splits.items()}
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every picture of the folder as examples of ``signature``.

    Raises:
        DataError: The signature takes no pictures, or does not know a class folder.
    """
    if [spec.kind for spec in signature.inputs] != ["image"]:
        names = ", ".join(spec.name for spec in signature.inputs[:10])
        raise DataError(
            f"{path}: holds pictures, but the model takes {names}", fix="give data of the trained kind"
        )
    return concatenate([_examples(path, found, signature) for found in _find_splits(path).values()])


def _is_flat(path: Path) -> bool:
    """Whether there is nothing but pictures."""
    found = [each for each in path.iterdir() if not each.name.startswith(".")]
    return bool(found) and all(
        each.is_file() and each.name.lower().endswith(IMAGE_SUFFIXES) for each in found
    )


def _find_splits(path: Path) -> dict[str, ClassFolders]:
    return {role: _find_classes(folder) for role, folder in split_folders(path).items()}


def _find_classes(path: Path) -> ClassFolders:
    if _is_flat(path):
        return {path.resolve().name: find_images(path)}
    strays = [
        file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(IMAGE_SUFFIXES)
    ]
    if strays:
        raise DataError(
            f"{path}: {len(strays)} pictures are in no class folder, for example {min(strays).name}",
            fix="move them into the folder of their class",
        )
    found = {folder.name: find_images(folder) for folder in subfolders(path)}
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise DataError(
            f"{path}: class folders without pictures: {', '.join(empty[:10])}",
            fix=f"remove them, or add pictures ({', '.join(IMAGE_SUFFIXES)})",
        )
    return found


def _examples(path: Path, classes: ClassFolders, signature: Signature) -> Examples:
    files = tuple(file for found in classes.values() for file in found)
    ids = [file.relative_to(path).as_posix() for file in files]
    spec = signature.inputs[0]
    channels = spec.shape[2] or 3
    return Examples(
        {spec.name: ImageFiles(files, channels)}, encode(signature.target, [labels(classes)], ids), ids
    )


def _decode(file: Path) -> NDArray[Any]:
    return decode_image(file, 3)


def are_grey(files: Sequence[Path], decode: Callable[[Path], NDArray[Any]] = _decode) -> bool:
    """Whether a sample of the files has no colour in it.

    Args:
        files: Pictures, or whatever ``decode`` reads.
        decode: Gives pixels ``[..., 3]`` of a file.
    """
    sample = files[:: max(1, len(files) // _NUM_SAMPLED)][:_NUM_SAMPLED]
    return all(_is_grey(file, decode) for file in sample)


def _is_grey(file: Path, decode: Callable[[Path], NDArray[Any]]) -> bool:
    try:
        pixels = decode(file)
    except DataError:
        # A broken file says nothing about colour; it is reported with all others when data is encoded.
        return True
    return bool((pixels == pixels[..., :1]).all())
