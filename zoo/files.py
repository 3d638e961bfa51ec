"""The one layer through which runs and models reach the disk and the clock.

Everything durable is written aside, synchronised, and committed by a rename; a reader never meets half a
file. The layer is an object that is passed, and every operation of the system that changes something goes
through one method of it, so that a test can count the operations, and fail or stop at any single one.
"""

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import ArtifactError, EnvironmentFault
from zoo.reading import read_regular

Result = TypeVar("Result")

# What the system says when there is no room: no space, over the quota, larger than a file may be.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Disk:
    """File operations and the clock; errors of the system become ``EnvironmentFault``."""

    def make_folder(self, path: Path) -> None:
        """Creates a folder and its missing parents; an existing one is an error of the caller."""
        for parent in reversed([each for each in path.parents if not each.exists()]):
            # Another process may be making the same parent.
            self.do("mkdir", parent, partial(parent.mkdir, exist_ok=True))
            self._sync(parent.parent)
        self.do("mkdir", path, path.mkdir)

    def write(self, path: Path, content: bytes) -> None:
        """Writes a whole file and synchronises it."""
        self._put(path, content, os.O_TRUNC)

    def append(self, path: Path, content: bytes) -> None:
        """Adds to the end of a file and synchronises it."""
        self._put(path, content, os.O_APPEND)

    def replace(self, path: Path, content: bytes) -> None:
        """Puts new content under a name that may exist: the old or the new, never a mixture."""
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.write(aside, content)
            self.rename(aside, path)
        except EnvironmentFault:
            with suppress(OSError):  # where the disk is full, half a file is in the way
                aside.unlink(missing_ok=True)
            raise

    def truncate(self, path: Path, size: int) -> None:
        """Cuts a file to its first ``size`` bytes.

        Raises:
            ArtifactError: It is shorter than that, or gone.
        """
        found = path.stat().st_size if path.exists() else 0
        if found < size:
            raise ArtifactError(
                f"{path} is damaged: it has {found} bytes, not {size}", fix="restore it from a copy"
            )
        descriptor = self._open(path, os.O_WRONLY | os.O_CREAT)
        try:
            self.do("truncate", path, partial(os.ftruncate, descriptor, size))
            self.do("fsync", path, partial(os.fsync, descriptor))
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Commits: synchronises a folder and those in it, renames, and synchronises the one that holds it."""
        if source.is_dir():
            for folder in (source, *(each for each in sorted(source.rglob("*")) if each.is_dir())):
                self._sync(folder)
        self.do("rename", target, partial(source.rename, target))
        self._sync(target.parent)

    def remove(self, path: Path) -> None:
        """Removes a file or a folder; a folder under another name first, which no reader takes for a whole one."""
        if path.is_symlink() or not path.is_dir():
            self.do("unlink", path, path.unlink)
        elif path.name.startswith("."):
            self._remove_tree(path)
        else:
            doomed = path.with_name(f".removed-{path.name}")
            if doomed.exists():  # a removal was cut short
                self._remove_tree(doomed)
            self.rename(path, doomed)
            self._remove_tree(doomed)

    def probe(self, folder: Path) -> None:
        """Finds out that a folder can be written into before anything depends on it."""
        path = folder / f".probe.{os.getpid()}"
        self.write(path, b"probe")
        self.remove(path)

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; for durations."""
        return time.monotonic()

    def do(self, operation: str, path: Path, call: Callable[[], Result], *, num_bytes: int = 0) -> Result:
        """One operation of the system: every one that changes something passes here."""
        try:
            return call()
        except OSError as error:
            raise _fault(path, error, num_bytes) from error

    def _open(self, path: Path, flags: int) -> int:
        return self.do("open", path, partial(os.open, path, flags | os.O_CLOEXEC, 0o666))

    def _put(self, path: Path, content: bytes, flag: int) -> None:
        descriptor = self._open(path, os.O_WRONLY | os.O_CREAT | flag)
        try:
            if content:
                self._write(path, descriptor, content)
            self.do("fsync", path, partial(os.fsync, descriptor))
        finally:
            os.close(descriptor)

    def _write(self, path: Path, descriptor: int, content: bytes) -> None:
        self.do("write", path, partial(_write_all, descriptor, content), num_bytes=len(content))

    def _sync(self, folder: Path) -> None:
        self.do("fsync", folder, partial(_sync_folder, folder))

    def _remove_tree(self, path: Path) -> None:
        for parent, folders, files in os.walk(path, topdown=False):
            for entry in (Path(parent, name) for name in (*files, *folders)):
                if entry.is_dir() and not entry.is_symlink():
                    self.do("rmdir", entry, entry.rmdir)
                else:
                    self.do("unlink", entry, entry.unlink)
        self.do("rmdir", path, path.rmdir)


LOCAL = Disk()


def dump_json(document: Mapping[str, Any]) -> bytes:
    """Strict JSON: NaN and infinity are refused."""
    return (json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def load_json(content: bytes, *, name: str) -> Any:
    """Parses strict JSON.

    Raises:
        ArtifactError: The content is not JSON, repeats a key or holds NaN.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError("a key stands twice")
        return document

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(content, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{name} is damaged: {error}", fix="restore it from a copy, or train again"
        ) from error


def read_bytes(path: Path) -> bytes:
    """Reads a file of an artifact.

    Raises:
        ArtifactError: It is missing or cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read: {error.strerror}", fix="restore it from a copy"
        ) from error


def _fault(path: Path, error: OSError, num_bytes: int) -> EnvironmentFault:
    message = f"{path} cannot be written: {error.strerror or error}"
    if error.errno not in _NO_ROOM:
        return EnvironmentFault(message, fix="check the folder's permissions and the free space")
    needed = f"; it needs {num_bytes} bytes" if num_bytes else ""
    return EnvironmentFault(message + needed, fix="free some space, or lift the limit, and go on with it")


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:  # the system may take a part at a time
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
