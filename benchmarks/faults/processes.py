"""Forked processes: torch is imported once, and every fault has a process of its own to end."""

import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError

LIMIT_S = 120.0
HUNG = -1000
SIGNALS = {signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code, or minus the signal's number, as ``subprocess`` has it; ``HUNG`` past the limit.
        said: What it said last: an error's text.
    """

    code: int
    said: str

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self.code == -signal.SIGKILL


class Process:
    """A fork of this process that does one thing and ends.

    Args:
        act: What it does, and what it says if it returns text; a ``ZooError`` becomes its exit code, anything unexpected code 1 with a traceback.
    """

    def __init__(self, act: Callable[[], Any]) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.started_at = time.monotonic()
        # A signal that comes before the child has begun waits until it has.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with warnings.catch_warnings():
            # Idle threads of libraries are no danger to a child that does not use them.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(reading)
                _become(act, writing)
            finally:
                os._exit(130)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(writing)
        self._reading = reading
        self._said = b""
        os.set_blocking(reading, False)

    def send(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def has_ended(self) -> bool:
        """Whether it ended; it is still to be waited for."""
        info = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return info is not None

    def wait(self, limit_s: float = LIMIT_S) -> Ended:
        """Waits for its end; one that hangs is killed and said to hang."""
        deadline = time.monotonic() + limit_s
        while not self.has_ended():
            self._read()
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                break
            time.sleep(0.001)
        is_hung = time.monotonic() > deadline
        _, status = os.waitpid(self.pid, 0)
        self._read()
        os.close(self._reading)
        code = HUNG if is_hung else os.waitstatus_to_exitcode(status)
        return Ended(code, self._said.decode(errors="replace"))

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while part := os.read(self._reading, 1 << 16):
                self._said += part


def run(act: Callable[[], Any]) -> Ended:
    """Does one thing in a process of its own."""
    return Process(act).wait()


def _become(act: Callable[[], Any], writing: int) -> None:
    """The life of the child; nothing of the parent's is unwound."""
    code, said = 1, ""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        answer = act()
        code, said = (0, answer) if isinstance(answer, str) else (0, "")
    except ZooError as error:
        code, said = error.exit_code, str(error)
    except MemoryError as error:
        code, said = 6, f"MemoryError: {error}"  # as the command line reports it
    except KeyboardInterrupt:
        code, said = 130, "KeyboardInterrupt"
    except BaseException:
        said = traceback.format_exc()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(said.encode())
        os._exit(code)
