"""COCO JSON: one file a split, with pictures, categories and annotations."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.data.readers.objects.annotated import Annotated, make_objects
from zoo.data.splits import ROLES
from zoo.errors import DataError
from zoo.runtime.contents import read_content
from zoo.runtime.images import find_images

_FOLDERS = ("annotations", ".")


def refuses(path: Path) -> str:
    """Why this is no COCO data; empty if it is."""
    if path.is_file():
        return "" if path.suffix.lower() == ".json" else "does not end in .json"
    return "" if _files(path) else "holds no JSON file of annotations"


def read(path: Path) -> Mapping[str, list[Annotated]]:
    """The annotated pictures of each split.

    Raises:
        DataError: A file is no COCO JSON, or does not fit together.
    """
    files = {"train": path} if path.is_file() else _by_role(_files(path), path)
    return {role: _read_json(file, path if path.is_dir() else path.parent) for role, file in files.items()}


def _files(path: Path) -> list[Path]:
    """JSON files with a list of annotations, in the folder or in its ``annotations``."""
    found = [file for folder in _FOLDERS for file in sorted((path / folder).glob("*.json"))]
    return [file for file in found if b'"annotations"' in read_content(file)]


def _by_role(files: Sequence[Path], path: Path) -> dict[str, Path]:
    """``instances_train2017.json`` holds train; a single file holds everything."""
    if len(files) == 1:
        return {"train": files[0]}
    roles: dict[str, Path] = {}
    for file in files:
        words = "".join(letter if letter.isalpha() else " " for letter in file.stem.lower()).split()
        role = next((ROLES[word] for word in words if word in ROLES), "")
        if not role or role in roles:
            raise DataError(
                f"{path}: {file.name} names no split, or one that another file has",
                fix="call them train.json, val.json and test.json",
            )
        roles[role] = file
    if "train" not in roles:
        raise DataError(f"{path}: no file of annotations is called train", fix="name one of them so")
    return roles


def _read_json(file: Path, folder: Path) -> list[Annotated]:
    try:
        document = json.loads(read_content(file))
        images, categories = document["images"], document["categories"]
        _require_unique(file, "image", images)
        _require_unique(file, "category", categories)
        labels = {int(each["id"]): str(each["name"]) for each in categories}
        by_image: dict[Any, list[Mapping[str, Any]]] = {each["id"]: [] for each in images}
        for number, each in enumerate(document["annotations"], start=1):
            _require_known(file, number, each, by_image, labels)
            by_image[each["image_id"]].append(each)
        places = {picture.name: picture for picture in find_images(folder)}
        return [_annotated(file, image, by_image[image["id"]], labels, places) for image in images]
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DataError(
            f"{file}: is no COCO JSON: {type(error).__name__}: {error}", fix="correct the file"
        ) from error


def _annotated(
    file: Path,
    image: Mapping[str, Any],
    own: Sequence[Mapping[str, Any]],
    labels: Mapping[int, str],
    places: Mapping[str, Path],
) -> Annotated:
    name = Path(str(image["file_name"])).name
    corners = [each["bbox"] for each in own]
    boxes = [[x, y, x + width, y + height] for x, y, width, height in corners]
    objects = make_objects(
        [labels[int(each["category_id"])] for each in own],
        boxes,
        [bool(each.get("iscrowd", 0)) for each in own],
    )
    has_size = "width" in image and "height" in image
    size = (int(image["width"]), int(image["height"])) if has_size else None
    picture = places.get(name, file.parent / name)
    return Annotated(picture, f"{file.name}, {name}", objects, [False] * len(own), size)


def _require_known(
    file: Path, number: int, each: Mapping[str, Any], images: Mapping[Any, Any], labels: Mapping[int, str]
) -> None:
    if each["image_id"] not in images:
        raise DataError(
            f"{file}: annotation {number} is of image {each['image_id']}, which is not listed", fix="list it"
        )
    if int(each["category_id"]) not in labels:
        known = ", ".join(map(str, sorted(labels)))
        raise DataError(
            f"{file}: annotation {number} has category {each['category_id']}, which is not listed",
            fix=f"known: {known}",
        )
    box = each.get("bbox")
    is_box = isinstance(box, list) and len(box) == 4 and all(type(side) in (int, float) for side in box)
    if not is_box:
        raise DataError(
            f"{file}: bbox of annotation {number} is {box}, not four numbers",
            fix="left, top, width and height in pixels",
        )


def _require_unique(file: Path, what: str, listed: Sequence[Mapping[str, Any]]) -> None:
    twice = [each for each, count in Counter(one["id"] for one in listed).items() if count > 1]
    if twice:
        raise DataError(
            f"{file}: {what} {twice[0]} is listed twice", fix=f"give each {what} a number of its own"
        )
