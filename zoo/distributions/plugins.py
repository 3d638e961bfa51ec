"""A new plugin: a small, complete distribution from templates."""

import os
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from zoo.distributions.names import Name
from zoo.distributions.rendering import render, render_tree
from zoo.errors import UsageError
from zoo.files import LOCAL, Disk
from zoo.registry import CORE, Registry

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
    name = new.name
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
    entries = [render(f"{each}/entry", values) for each in kinds]
    values["entries"] = "".join(entries).rstrip("\n")
    modules = {each: f"{_MODULES[each]}.py" for each in kinds}
    return render_tree("plugin", values) | {
        PurePosixPath("src", name.package, module): render(f"{each}/{module}", values)
        for each, module in modules.items()
    }
