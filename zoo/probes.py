"""Imports registration modules in a process of its own, to see which of them hang or end it.

Run as a file, this module is that process: it knows nothing of Zoo but what the plugins import.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

# Until the interpreter stands; no fault of a plugin, so a slow machine is granted much.
_START_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """How an import went.

    Attributes:
        cause: What it did to the process; empty where it returned or raised.
        files: Files of the plugin that were read.
    """

    cause: str = ""
    files: tuple[str, ...] = ()


def probe(points: Sequence[EntryPoint], limit_s: float) -> list[Outcome | None]:
    """Imports each and asks for its entries and commands; ``None`` where no process could be started.

    Args:
        points: Entry points of plugins.
        limit_s: Seconds that each may take.
    """
    outcomes: list[Outcome | None] = []
    # One process serves all, up to one that ends it; another goes on behind that.
    while len(outcomes) < len(points):
        tried = _run(points[len(outcomes) :], limit_s)
        if not tried:
            break
        outcomes += tried
    return outcomes + [None] * (len(points) - len(outcomes))


def _run(points: Sequence[EntryPoint], limit_s: float) -> list[Outcome]:
    job = json.dumps({"path": sys.path, "points": [[point.name, point.value] for point in points]})
    process = _start()
    if process is None:
        return []
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    follower = threading.Thread(target=_follow, args=(process, job.encode(), lines), daemon=True)
    follower.start()
    outcomes: list[Outcome] = []
    try:
        if not lines.get(timeout=_START_S):
            return []
        for _ in points:
            line = lines.get(timeout=limit_s)
            if not line:
                return [*outcomes, Outcome(_ending(process))]
            outcomes.append(Outcome(files=tuple(json.loads(line))))
    except queue.Empty:
        cause = f"its import has not ended after {limit_s:g} s (ZOO_PLUGIN_TIMEOUT)"
        return [*outcomes, Outcome(cause)] if process.poll() is None else outcomes
    finally:
        _end(process)
        follower.join()
    return outcomes


def _start() -> subprocess.Popen[bytes] | None:
    if getattr(sys, "frozen", False):
        return None  # the executable is a program that was packed with Python, not an interpreter
    # A plugin that asks for the registry while it is imported must not start a probe of its own.
    environment = {**os.environ, "ZOO_PLUGINS": ""}
    try:
        return subprocess.Popen(  # noqa: S603 (this module, in this interpreter)
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None


def _follow(process: subprocess.Popen[bytes], job: bytes, lines: "queue.SimpleQueue[bytes]") -> None:
    """Hands on what the process says, and an empty line when it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout as stdout:
        with suppress(OSError), process.stdin as stdin:
            stdin.write(job)
        for line in stdout:
            lines.put(line)
    lines.put(b"")


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    if code >= 0:
        return f"its import ends the interpreter with code {code}"
    with suppress(ValueError):
        return f"its import crashes the interpreter ({signal.Signals(-code).name})"
    return f"its import crashes the interpreter (signal {-code})"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process, and on POSIX whatever an import has started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _serve() -> None:
    """The other process: reads its job, imports, and says after each what was read."""
    job = json.loads(sys.stdin.buffer.read())
    # Whatever a plugin prints, by whatever means, is not mistaken for what is said here.
    channel = os.dup(1)
    os.dup2(2, 1)
    sys.path[:] = job["path"]
    os.write(channel, b"ready\n")
    for name, value in job["points"]:
        before = set(sys.modules)
        with suppress(BaseException):
            _register(EntryPoint(name, value, "zoo").load())
        top = value.partition(":")[0].partition(".")[0]
        read = [_file(sys.modules[each]) for each in set(sys.modules) - before if each.split(".")[0] == top]
        os.write(channel, json.dumps(sorted(filter(None, read))).encode() + b"\n")
    os._exit(0)  # threads that a plugin has started keep nothing waiting


def _register(module: Any) -> None:
    for hook in ("zoo_register", "zoo_commands"):
        with suppress(Exception, SystemExit):
            getattr(module, hook, dict)()


def _file(module: Any) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


if __name__ == "__main__":
    _serve()
