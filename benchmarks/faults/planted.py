"""Mistakes that people make in saving checkpoints, to see that the harness finds them.

Each stands in for ``zoo.training.checkpoints.save``; the harness runs it in a process of its own.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from zoo.files import Disk
from zoo.training import checkpoints
from zoo.training.checkpoints import Checkpoint

Save = Callable[[Path, Checkpoint, Disk, object], None]


def rename_before_fsync(folder: Path, checkpoint: Checkpoint, disk: Disk, _: object = None) -> None:
    """Commits first and synchronises afterwards."""
    aside, target, contents = _begin(folder, checkpoint, disk)
    for name, content in contents.items():
        _write_only(aside / name, content, disk)
    disk.rename(aside, target)
    for name in contents:
        _sync_file(target / name, disk)


def manifest_first(folder: Path, checkpoint: Checkpoint, disk: Disk, _: object = None) -> None:
    """Writes down what the files will be before they are."""
    aside, target, contents = _begin(folder, checkpoint, disk)
    for name in reversed(contents):
        disk.write(aside / name, contents[name])
    disk.rename(aside, target)


def delete_before_verify(folder: Path, checkpoint: Checkpoint, disk: Disk, _: object = None) -> None:
    """Deletes what is older before it knows that what is newer can be read."""
    aside, target, contents = _begin(folder, checkpoint, disk)
    for name, content in contents.items():
        disk.write(aside / name, content)
    disk.rename(aside, target)
    for step in checkpoints.steps(folder):
        if step < checkpoint.step:
            disk.remove(checkpoints.place(folder, step))
    checkpoints.load(folder, checkpoint.step)


def in_place(folder: Path, checkpoint: Checkpoint, disk: Disk, _: object = None) -> None:
    """Overwrites one folder, as ``torch.save`` to one path does."""
    aside, target, contents = _begin(folder, checkpoint, disk)
    for step in checkpoints.steps(folder):
        disk.remove(checkpoints.place(folder, step))
    disk.rename(aside, target)
    for name, content in contents.items():
        disk.write(target / name, content)


def without_folder_sync(folder: Path, checkpoint: Checkpoint, disk: Disk, _: object = None) -> None:
    """Synchronises files and forgets the folders that name them."""
    aside, target, contents = _begin(folder, checkpoint, disk)
    for name, content in contents.items():
        disk.write(aside / name, content)
    disk.do("rename", target, partial(aside.rename, target))


PLANTED: dict[str, Save] = {
    each.__name__: each
    for each in (rename_before_fsync, manifest_first, delete_before_verify, in_place, without_folder_sync)
}


def _begin(folder: Path, checkpoint: Checkpoint, disk: Disk) -> tuple[Path, Path, dict[str, bytes]]:
    target = checkpoints.place(folder, checkpoint.step)
    if target.exists():
        disk.remove(target)
    aside = folder / f".writing-{target.name}"
    if aside.exists():
        disk.remove(aside)
    disk.make_folder(aside)
    return aside, target, checkpoints.pack(checkpoint)


def _write_only(path: Path, content: bytes, disk: Disk) -> None:
    descriptor = disk.do("open", path, partial(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    disk.do("write", path, partial(os.write, descriptor, content))
    os.close(descriptor)


def _sync_file(path: Path, disk: Disk) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    disk.do("fsync", path, partial(os.fsync, descriptor))
    os.close(descriptor)
