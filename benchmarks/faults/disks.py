"""Disks that fail: each counts the operations of a run and does one thing to the k-th.

An operation is named as ``write checkpoints/step-00000002/state.json``: what, and below which folder; digits
of process numbers are left out. Operations are counted from 1.
"""

import errno
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from zoo.files import Disk

Result = TypeVar("Result")

_PROCESS = re.compile(r"(?<=\.)\d+(?=/|$)")


@dataclass(frozen=True)
class Operation:
    """One operation of the system.

    Attributes:
        kind: ``open``, ``write``, ``fsync``, ``rename``, ``unlink``, ``rmdir``, ``mkdir``, ``truncate``, ``lock``.
        path: What it changes.
        source: Of a rename, what the path was called before.
    """

    kind: str
    path: Path
    source: Path | None = None

    def named(self, root: Path) -> str:
        """Its name, the same for every run of one recipe."""
        below = self.path.relative_to(root) if self.path.is_relative_to(root) else Path(self.path.name)
        return f"{self.kind} {_PROCESS.sub('PID', below.as_posix())}"


@dataclass
class CountingDisk(Disk):
    """Does what it is asked, and remembers it in order."""

    trace: list[Operation] = field(default_factory=list)
    _source: Path | None = None

    def rename(self, source: Path, target: Path) -> None:
        """Remembers the source for the operation that follows."""
        self._source = source
        super().rename(source, target)

    def do(self, operation: str, path: Path, call: Callable[[], Result], *, num_bytes: int = 0) -> Result:
        """Counts, lets ``before`` interfere, and does it."""
        source, self._source = (self._source, None) if operation == "rename" else (None, self._source)
        self.trace.append(Operation(operation, path, source))
        self.before(len(self.trace), operation, path)
        return self.perform(operation, path, call, num_bytes)

    def before(self, number: int, operation: str, path: Path) -> None:
        """What happens before the operation of a number."""

    def perform(self, operation: str, path: Path, call: Callable[[], Any], num_bytes: int) -> Any:
        """The operation itself."""
        return super().do(operation, path, call, num_bytes=num_bytes)


@dataclass
class KillingDisk(CountingDisk):
    """SIGKILL before the k-th operation."""

    k: int = 0

    def before(self, number: int, operation: str, path: Path) -> None:
        """Ends this process where it stands."""
        if number == self.k:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class TearingDisk(CountingDisk):
    """SIGKILL with half of the k-th operation's bytes written, which must be a write."""

    k: int = 0

    def _write(self, path: Path, descriptor: int, content: bytes) -> None:
        if len(self.trace) + 1 == self.k:
            os.write(descriptor, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        super()._write(path, descriptor, content)


@dataclass
class RefusingDisk(CountingDisk):
    """The k-th operation fails with an error of the system, and those after it too where the fault lasts."""

    k: int = 0
    code: int = errno.ENOSPC
    lasts: bool = False

    def perform(self, operation: str, path: Path, call: Callable[[], Any], num_bytes: int) -> Any:
        """Refuses the k-th."""

        def refuse() -> None:
            raise OSError(self.code, os.strerror(self.code), str(path))

        is_refused = len(self.trace) == self.k or (self.lasts and len(self.trace) > self.k)
        return super().perform(operation, path, refuse if is_refused else call, num_bytes)


@dataclass
class ForgetfulDisk(CountingDisk):
    """The k-th operation meets the end of memory."""

    k: int = 0

    def before(self, number: int, operation: str, path: Path) -> None:
        """Raises ``MemoryError``."""
        if number == self.k:
            raise MemoryError("no memory is left")


@dataclass
class LyingDisk(CountingDisk):
    """The k-th operation, which must be a write, says that it succeeded and keeps other bytes."""

    k: int = 0

    def _write(self, path: Path, descriptor: int, content: bytes) -> None:
        if len(self.trace) + 1 == self.k:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]
        super()._write(path, descriptor, content)
