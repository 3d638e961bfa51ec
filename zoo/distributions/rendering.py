"""Fills the templates that stand beside this module: ``$name`` in a file's text, or in its path."""

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from string import Template

_SUFFIX = ".template"
_ROOT = PurePosixPath()


def render(name: str, values: Mapping[str, str]) -> str:
    """The text of one template, for example ``loss/loss.py``."""
    return _fill(_templates() / f"{name}{_SUFFIX}", values)


def render_tree(name: str, values: Mapping[str, str]) -> dict[PurePosixPath, str]:
    """The text of every template of a folder, by its place in what is written."""
    return {
        PurePosixPath(_substitute(str(place), values)): _fill(template, values)
        for place, template in _walk(_templates() / name)
    }


def _templates() -> Traversable:
    return resources.files("zoo.distributions") / "templates"


def _walk(folder: Traversable, place: PurePosixPath = _ROOT) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, place / each.name)
        elif each.name.endswith(_SUFFIX):
            yield place / each.name.removesuffix(_SUFFIX), each


def _fill(template: Traversable, values: Mapping[str, str]) -> str:
    return _substitute(template.read_text(encoding="utf-8"), values)


def _substitute(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)
