"""Runs checks in processes of their own: one that hangs, exits or crashes gets a row.

Nothing here imports a plugin, nor torch.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from zoo.registry import GROUP
from zoo.testing.report import Row

LIMIT_S = 600.0
REGISTRATION = "registration"
_REGISTRATION_LIMIT_S = 30.0
_MAX_CRASHES = 2


@dataclass(frozen=True)
class Found:
    """What the registration of one distribution came to.

    Attributes:
        distribution: Its name.
        entries: Kind and name of each entry.
        fault: Why there are none.
    """

    distribution: str
    entries: tuple[tuple[str, str], ...] = ()
    fault: str = ""

    @property
    def row(self) -> Row:
        """The row of a distribution that does not register."""
        return Row(self.distribution, "plugin", REGISTRATION, "failed", self.fault)


class Ended(Exception):
    """The process ended, or was ended, before it had said everything; the message says how."""


def distributions() -> list[str]:
    """Names of the distributions that register entries, read from metadata alone."""
    points = metadata.entry_points(group=GROUP)
    return sorted({(point.dist and point.dist.name) or point.value for point in points})


def matching(word: str) -> str | None:
    """The distribution that a word names, with ``zoo-`` before it or without."""
    by_name = {_normalised(name): name for name in distributions()}
    return by_name.get(_normalised(word)) or by_name.get(_normalised(f"zoo-{word}"))


def find(distribution: str) -> Found:
    """Registers one distribution in a process of its own."""
    entries: list[tuple[str, str]] = []
    try:
        for message in _messages({"distribution": distribution}, distribution, _REGISTRATION_LIMIT_S):
            if message.get("cause"):
                return Found(distribution, fault=message["cause"])
            if "name" in message:
                entries.append((message["kind"], message["name"]))
    except Ended as ended:
        return Found(distribution, fault=f"registration {ended}")
    return Found(distribution, tuple(entries), "" if entries else "it registers no entry")


@dataclass
class Examination:
    """The checks of one entry, each row as it comes.

    Attributes:
        distribution: Whose entry it is.
        kind: The entry's kind.
        name: The entry's name.
        limit_s: Seconds that one check may take.
        num_checks: Checks that its kind has, once they are known.
        num_crashes: How often the process ended before it had said everything.
    """

    distribution: str
    kind: str
    name: str
    limit_s: float = LIMIT_S
    num_checks: int = 1
    num_crashes: int = 0

    def rows(self) -> Iterator[Row]:
        """One a check; after a crash a new process goes on with the next one."""
        names: list[str] = []
        finished: list[str] = []
        while True:
            running = "import"
            order = {"kind": self.kind, "name": self._qualified, "finished": finished}
            try:
                for message in _messages(order, self.distribution, self.limit_s):
                    names = message.get("checks", names)
                    self.num_checks = max(len(names), 1)
                    running = message.get("begun", running)
                    if "row" in message:
                        finished.append(message["row"]["check"])
                        yield Row(**message["row"])
                return
            except Ended as ended:
                self.num_crashes += 1
                finished.append(running)
                yield self._failed(running, str(ended))
            left = [name for name in names if name not in finished]
            if not left or self.num_crashes == _MAX_CRASHES:
                for name in left:
                    yield self._failed(name, f"not run: the process ended {self.num_crashes} times before")
                return

    @property
    def _qualified(self) -> str:
        return f"{self.distribution}/{self.name}"

    def _failed(self, check: str, reason: str) -> Row:
        return Row(self._qualified, self.kind, check, "failed", reason)


def _messages(order: Mapping[str, Any], distribution: str, limit_s: float) -> Iterator[dict[str, Any]]:
    """What a worker says; each message has to come in time.

    Raises:
        Ended: The worker ended otherwise than by itself with everything said, or was too slow.
    """
    command = [sys.executable, "-P", "-m", "zoo.testing.worker"]
    environment = {**os.environ, "ZOO_PLUGINS": distribution}
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        listeners: list[threading.Thread] = []
        try:
            process.stdin.write(json.dumps(order).encode())
            process.stdin.close()
            lines, complaints, listeners = _collected(process)
            is_complete = False
            while True:
                try:
                    line = lines.get(timeout=limit_s)
                except queue.Empty:
                    raise Ended(f"was not done after {limit_s:g} s and was ended") from None
                if line is None:
                    break
                message = json.loads(line)
                is_complete = message.get("is_complete", False)
                yield message
            process.wait()
        finally:
            _end(process)
            for listener in listeners:
                listener.join()
    if not is_complete:
        raise Ended(_described(process.returncode, complaints))


def _collected(
    process: subprocess.Popen[bytes],
) -> tuple["queue.Queue[bytes | None]", list[bytes], list[threading.Thread]]:
    """What the process says, line by line and at last ``None``; its latest complaint; and who listens."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    complaints: list[bytes] = []

    def listen() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    def keep() -> None:
        for line in process.stderr or ():
            if line.strip():
                complaints[:] = [line]

    listeners = [threading.Thread(target=work, daemon=True) for work in (listen, keep)]
    for listener in listeners:
        listener.start()
    return lines, complaints, listeners


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it and all of its own have ended


def _described(returncode: int, complaints: list[bytes]) -> str:
    if returncode == 0:
        return "ended the process before it had said everything"
    if returncode < 0:
        return f"crashed the interpreter: {signal.Signals(-returncode).name}"
    last = complaints[-1].decode(errors="replace").strip() if complaints else ""
    return f"ended the process with exit code {returncode}" + (f": {last}" if last else "")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()
