"""One process at a time works on a folder: a lock on a file in it, which ends with the process that holds it."""

import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from zoo.errors import EnvironmentFault
from zoo.files import Disk, dump_json

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_PATIENCE, _PAUSE_S = 20, 0.01
_held: set[int] = set()


@contextmanager
def held(folder: Path, disk: Disk, warn: Callable[[str], None]) -> Iterator[None]:
    """While entered, no other process can enter for the same folder; a process that died holds nothing.

    Raises:
        EnvironmentFault: Another process holds it, which is named; or the folder cannot be written into.
    """
    path = folder / NAME
    descriptor = disk.do("open", path, partial(os.open, path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
    _held.add(descriptor)
    try:
        if not disk.do("lock", path, partial(_take, descriptor, warn)):
            raise in_use(folder)
        holder = dump_json({"pid": os.getpid(), "host": socket.gethostname()})
        disk.do("write", path, partial(_sign, descriptor, holder), num_bytes=len(holder))
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a process holds the folder at this moment."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no lock was ever taken here
        return False
    try:
        return not _try(descriptor, lambda _: None)
    finally:
        os.close(descriptor)


def in_use(folder: Path) -> EnvironmentFault:
    """The error that says who holds a folder."""
    holder = _holder(folder)
    for _ in range(_PATIENCE):  # who has just taken it may not have signed yet
        if holder and (holder[1] != socket.gethostname() or is_alive(holder[0])):
            break
        time.sleep(_PAUSE_S)
        holder = _holder(folder)
    who = f"process {holder[0]} on {holder[1]}" if holder else "another process"
    return EnvironmentFault(
        f"{folder} is in use by {who}",
        fix="wait until it ends, or stop it; a process that was killed holds nothing",
    )


def is_alive(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take(descriptor: int, warn: Callable[[str], None]) -> bool:
    """Whether this process has the lock now."""
    for _ in range(_PATIENCE):  # ``is_held`` has it for an instant
        if _try(descriptor, warn):
            return True
        time.sleep(_PAUSE_S)
    return False


def _try(descriptor: int, warn: Callable[[str], None]) -> bool:
    """Where there are no locks, a warning and yes."""
    if fcntl is None:
        warn("this system has no flock: nothing keeps a second process from the same run")
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        warn(f"this file system has no flock ({error.strerror}): nothing keeps a second process from the run")
    return True


def _sign(descriptor: int, holder: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder, 0)


def _holder(folder: Path) -> tuple[int, str] | None:
    try:
        holder = json.loads((folder / NAME).read_bytes())
        return int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _close_in_child() -> None:
    """A child that outlives the process that forked it would hold the lock for it."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
