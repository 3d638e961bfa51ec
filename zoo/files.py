"""The one layer through which runs and models reach the disk and the clock.

Everything durable is written aside, synchronised, and committed by a rename; a reader never meets half a
file. The layer is an object that is passed, so that a test can fail any single operation.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ArtifactError, EnvironmentFault
from zoo.reading import read_regular


class Disk:
    """File operations and the clock; errors of the system become ``EnvironmentFault``."""

    def make_folder(self, path: Path) -> None:
        """Creates a folder and its parents; an existing one is an error of the caller."""
        self._guard(path, lambda: path.mkdir(parents=True))

    def write(self, path: Path, content: bytes) -> None:
        """Writes a whole file and synchronises it."""
        self._guard(path, lambda: _write(path, content))

    def replace(self, path: Path, content: bytes) -> None:
        """Puts new content under a name that may exist: the old or the new, never a mixture."""
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        self.write(aside, content)
        self.rename(aside, path)

    def append(self, path: Path, content: bytes) -> None:
        """Adds to the end of a file and synchronises it."""
        self._guard(path, lambda: _write(path, content, mode="ab"))

    def truncate(self, path: Path, size: int) -> None:
        """Cuts a file to its first ``size`` bytes."""
        self._guard(path, lambda: os.truncate(path, size))

    def rename(self, source: Path, target: Path) -> None:
        """Commits: renames and synchronises the parent folder."""
        self._guard(target, lambda: _rename(source, target))

    def remove_folder(self, path: Path) -> None:
        """Removes a folder under another name first, so that a torn removal is never taken for a whole folder."""
        doomed = path.with_name(f".removed-{path.name}")
        if doomed.exists():  # a removal was cut short
            self._guard(doomed, lambda: shutil.rmtree(doomed))
        self.rename(path, doomed)
        self._guard(doomed, lambda: shutil.rmtree(doomed))

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; for durations."""
        return time.monotonic()

    @staticmethod
    def _guard(path: Path, operation: Callable[[], None]) -> None:
        try:
            operation()
        except OSError as error:
            raise EnvironmentFault(
                f"{path} cannot be written: {error.strerror or error}",
                fix="check the folder's permissions and the free space",
            ) from error


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


def _write(path: Path, content: bytes, mode: str = "wb") -> None:
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
