"""A power cut: what was written and not synchronised is lost. SIGKILL alone does not show that.

The disk below performs every operation for real, so that the run sees its own writes, and remembers beside it
what a disk would keep: of a file the content of its last fsync, of a folder the entries of its last fsync.
At the cut the folder becomes what was kept.
"""

import os
import shutil
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.faults.disks import CountingDisk


@dataclass
class CachedDisk(CountingDisk):
    """The power goes before the k-th operation.

    Attributes:
        root: The folder whose content is at stake; it is all on disk at first.
        k: The operation before which the power goes.
        keeps: ``synced``: nothing but what was synchronised. ``names``: also every change to folders, while
            of content that was not synchronised half is there, as file systems that order the one before the
            other leave it.
    """

    root: Path = Path()
    k: int = 0
    keeps: Literal["synced", "names"] = "synced"
    _contents: dict[int, bytes] = field(default_factory=dict)
    _folders: dict[int, dict[str, int]] = field(default_factory=dict)
    # A number stays that of one file for as long as the file is open.
    _handles: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.root, *self.root.rglob("*")):
            self._keep(path)

    def before(self, number: int, operation: str, path: Path) -> None:
        """Cuts the power."""
        if number == self.k:
            self.cut()
            os.kill(os.getpid(), signal.SIGKILL)

    def perform(self, operation: str, path: Path, call: Callable[[], Any], num_bytes: int) -> Any:
        """What is synchronised is kept."""
        result = super().perform(operation, path, call, num_bytes)
        if operation == "fsync" and (path == self.root or path.is_relative_to(self.root)):
            self._keep(path)
        return result

    def cut(self) -> None:
        """The folder becomes what a disk would have kept."""
        after = self.root.with_name(f"{self.root.name}.after")
        if self.keeps == "synced":
            self._restore(self.root.stat().st_ino, after)
        else:
            shutil.copytree(self.root, after)
            for path in (path for path in self.root.rglob("*") if path.is_file()):
                content, kept = path.read_bytes(), self._contents.get(path.stat().st_ino, b"")
                if not content.startswith(kept):  # overwritten: the old bytes may be gone
                    kept = b""
                half = (len(content) - len(kept)) // 2
                (after / path.relative_to(self.root)).write_bytes(content[: len(kept) + half])
        shutil.rmtree(self.root)
        after.rename(self.root)

    def _keep(self, path: Path) -> None:
        number = self._number(path)
        if path.is_dir():
            self._folders[number] = {entry.name: self._number(entry) for entry in path.iterdir()}
        else:
            self._contents[number] = path.read_bytes()

    def _number(self, path: Path) -> int:
        number = path.stat().st_ino
        if number not in self._handles:
            self._handles[number] = os.open(path, os.O_RDONLY)
        return number

    def _restore(self, number: int, path: Path) -> None:
        if not stat.S_ISDIR(os.fstat(self._handles[number]).st_mode):
            path.write_bytes(self._contents.get(number, b""))
            return
        path.mkdir()
        for name, entry in self._folders.get(number, {}).items():
            self._restore(entry, path / name)
