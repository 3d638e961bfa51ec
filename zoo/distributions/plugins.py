"""A new plugin: a small, complete distribution from templates, which stand beside this module."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from zoo.distributions.names import Name
from zoo.errors import UsageError
from zoo.files import LOCAL, Disk
from zoo.registry import CORE, Registry

_SUFFIX = ".template"
_ROOT = PurePosixPath()
_MODULES = {"architecture": "network", "loss": "loss", "optimizer": "optimizer"}
ALL = "all"
KINDS = (*_MODULES, ALL)
"""What a new plugin can offer."""
_SUMMARIES = {
    "architecture": "A small residual network for Zoo",
    "loss": "A loss for Zoo that forgives wrong labels",
    "optimizer": "An optimizer for Zoo whose steps are of equal size",
    ALL: "A small residual network for Zoo, with a loss and an optimizer of its own",
}


@dataclass(frozen=True)
class NewPlugin:
    """What was written.

    Attributes:
        path: The folder.
        name: The distribution's name.
        train: The command line that tries it.
    """

    path: Path
    name: Name
    train: str


def create(
    name: Name, kind: str = "architecture", *, into: Path, registry: Registry, disk: Disk = LOCAL
) -> NewPlugin:
    """Writes a new plugin; the folder appears whole or not at all.

    Args:
        name: The distribution's name, which is the folder's too.
        kind: One of `KINDS`.
        into: The folder that will hold it.
        registry: What is installed, whose names are taken.
        disk: How files are written.

    Raises:
        UsageError: The folder exists, or an installed plugin has the name or offers it.
        EnvironmentFault: It cannot be written.
    """
    kinds = tuple(_MODULES) if kind == ALL else (kind,)
    path = into / name.distribution
    _require_free(name, kinds, path, registry)
    new = NewPlugin(path, name, _train(name, kinds))
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        disk.make_folder(aside)
        for file, text in sorted(_files(new, kind, kinds).items()):
            target = aside / file
            if not target.parent.exists():
                disk.make_folder(target.parent)
            disk.write(target, text.encode())
        disk.rename(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return new


def _require_free(name: Name, kinds: tuple[str, ...], path: Path, registry: Registry) -> None:
    if path.exists():
        raise UsageError(f"{path} exists", fix="choose another name, or another folder with --into DIR")
    for plugin in registry.plugins:
        if plugin.distribution == name.distribution:
            raise UsageError(f"{name.distribution} {plugin.version} is installed", fix="choose another name")
    for kind in kinds:
        for each in registry.kind(kind):
            if each.entry.name == name.stem:
                raise UsageError(f"the name is taken: {each} is installed", fix="choose another name")


def _train(name: Name, kinds: tuple[str, ...]) -> str:
    """A command line that uses everything the plugin offers."""
    words = [f"{kind}={name.stem}" for kind in kinds if kind != "architecture"]
    model = name.stem if "architecture" in kinds else "mlp"
    return " ".join(["zoo train", model, "--data digits", *words])


def _files(new: NewPlugin, kind: str, kinds: tuple[str, ...]) -> dict[PurePosixPath, str]:
    """The text of each file by its place in the distribution."""
    name, root = new.name, resources.files("zoo.distributions") / "templates"
    values = {
        "distribution": name.distribution,
        "package": name.package,
        "stem": name.stem,
        "title": name.title,
        "core": metadata.version(CORE),
        "summary": _SUMMARIES[kind],
        "train": new.train,
        # In the order of the alphabet, as linters want them.
        "imports": ", ".join(sorted([*(each.capitalize() for each in kinds), "Entry"])),
    }
    entries = [_fill(root / each / f"entry{_SUFFIX}", values) for each in kinds]
    values["entries"] = "".join(entries).rstrip("\n")
    files = {
        PurePosixPath(_substitute(str(place), values)): _fill(template, values)
        for place, template in _templates(root / "plugin")
    }
    package = PurePosixPath("src", name.package)
    for each in kinds:
        module = f"{_MODULES[each]}.py"
        files[package / module] = _fill(root / each / f"{module}{_SUFFIX}", values)
    return files


def _templates(
    folder: Traversable, place: PurePosixPath = _ROOT
) -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Every template below a folder, and where its text goes."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _templates(each, place / each.name)
        elif each.name.endswith(_SUFFIX):
            yield place / each.name.removesuffix(_SUFFIX), each


def _fill(template: Traversable, values: Mapping[str, str]) -> str:
    return _substitute(template.read_text(encoding="utf-8"), values)


def _substitute(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)
