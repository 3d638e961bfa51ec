"""Pascal VOC: one XML file a picture, and lists of names that say which split each is in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from zoo.data.readers.objects.annotated import Annotated, make_objects
from zoo.data.splits import ROLES
from zoo.errors import DataError
from zoo.runtime.contents import read_content
from zoo.runtime.images import IMAGE_SUFFIXES
from zoo.runtime.texts import decode_file

ANNOTATIONS, PICTURES, SPLITS = "Annotations", "JPEGImages", Path("ImageSets", "Main")
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def refuses(path: Path) -> str:
    """Why this is no such folder; empty if it is."""
    if not path.is_dir():
        return "not a folder"
    return "" if _root(path) or _flat(path) else "holds no folder Annotations, and no XML beside pictures"


def read(path: Path) -> Mapping[str, list[Annotated]]:
    """The annotated pictures of each split; all in ``train`` where no lists say otherwise.

    Raises:
        DataError: A list names what is not there, or an annotation is damaged.
    """
    root = _root(path)
    if root is None:
        return {"train": [_annotated(file, path) for file in _flat(path)]}
    pictures, folder = root / PICTURES, root / ANNOTATIONS
    lists = {ROLES[file.stem]: file for file in _lists(root)}
    if "train" not in lists:
        return {"train": [_annotated(file, pictures) for file in sorted(folder.glob("*.xml"))]}
    return {
        role: [_annotated(_named(folder, name, file), pictures) for name in _names(file)]
        for role, file in lists.items()
    }


def _root(path: Path) -> Path | None:
    """The folder itself, or the only one in it that has annotations in XML."""
    inside = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    found = [folder for folder in (path, *inside) if any((folder / ANNOTATIONS).glob("*.xml"))]
    return found[0] if len(found) == 1 else None


def _flat(path: Path) -> list[Path]:
    """XML files that stand beside a picture of their name."""
    names = {file.stem for file in path.iterdir() if file.name.lower().endswith(IMAGE_SUFFIXES)}
    return [file for file in sorted(path.glob("*.xml")) if file.stem in names]


def _lists(root: Path) -> list[Path]:
    folder = root / SPLITS
    return [file for file in sorted(folder.glob("*.txt")) if file.stem in ROLES] if folder.is_dir() else []


def _names(file: Path) -> list[str]:
    return [line.split()[0] for line in decode_file(file).splitlines() if line.strip()]


def _named(folder: Path, name: str, listed: Path) -> Path:
    file = folder / f"{name}.xml"
    if not file.is_file():
        raise DataError(f"{listed.name}: names {name}, and there is no {file.name} in {folder}", fix="add it")
    return file


def _annotated(file: Path, pictures: Path) -> Annotated:
    tree = _parse(file)
    found = tree.findall("object")
    try:
        labels = [_text(each, "name") for each in found]
        boxes = [[float(_text(each, f"bndbox/{side}")) for side in _SIDES] for each in found]
        size = _size(tree)
    except (ValueError, LookupError, ArithmeticError) as error:
        raise DataError(
            f"{file}: is no annotation of Pascal VOC: {error.args[0]}", fix="correct the file"
        ) from error
    difficult = [(each.findtext("difficult") or "0").strip() == "1" for each in found]
    picture = _picture(file, tree, pictures)
    return Annotated(picture, file.name, make_objects(labels, boxes), difficult, size)


def _size(tree: Any) -> tuple[int, int] | None:
    if tree.find("size") is None:
        return None
    return int(_text(tree, "size/width")), int(_text(tree, "size/height"))


def _picture(file: Path, tree: Any, pictures: Path) -> Path:
    """The picture that the annotation names, or one of the annotation's own name."""
    # Only the name: an annotation does not lead out of its folder.
    name = Path((tree.findtext("filename") or f"{file.stem}.jpg").strip().replace("\\", "/")).name
    own = [pictures / f"{file.stem}{suffix}" for suffix in IMAGE_SUFFIXES]
    return next((each for each in (pictures / name, *own) if each.is_file()), pictures / name)


def _parse(file: Path) -> Any:
    content = read_content(file)
    # Entities can unfold into gigabytes, and no annotation needs one.
    if b"<!" in content.replace(b"<!--", b""):
        raise DataError(f"{file}: declares a document type or an entity", fix="remove the declaration")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError as error:
        raise DataError(f"{file}: is not XML: {error}", fix="correct the file or fetch it again") from error


def _text(element: Any, name: str) -> str:
    text: str | None = element.findtext(name)
    if text is None or not text.strip():
        raise LookupError(f"there is no {name} in <{element.tag}>")
    return text.strip()
