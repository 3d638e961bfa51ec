"""Forked processes: torch is imported once, and every fault has a process of its own to end."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError

LIMIT_S = 120.0
HUNG = -1000


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
        act: What it does; a ``ZooError`` becomes its exit code, anything unexpected code 1 with a traceback.
    """

    def __init__(self, act: Callable[[], Any]) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.started_at = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _become(act, writing)
        os.close(writing)
        self._reading = reading

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
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                break
            time.sleep(0.001)
        is_hung = time.monotonic() > deadline
        _, status = os.waitpid(self.pid, 0)
        with os.fdopen(self._reading, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        return Ended(HUNG if is_hung else os.waitstatus_to_exitcode(status), said)


def run(act: Callable[[], Any]) -> Ended:
    """Does one thing in a process of its own."""
    return Process(act).wait()


def _become(act: Callable[[], Any], writing: int) -> None:
    """The life of the child; nothing of the parent's is unwound."""
    code, said = 1, ""
    try:
        answer = act()
        code = answer if isinstance(answer, int) else 0
    except ZooError as error:
        code, said = error.exit_code, str(error)
    except MemoryError as error:
        code, said = 6, f"MemoryError: {error}"  # as the command line reports it
    except KeyboardInterrupt:
        code, said = 130, "KeyboardInterrupt"
    except BaseException:
        said = traceback.format_exc()
    finally:
        os.write(writing, said.encode()[:60_000])
        os._exit(code)
