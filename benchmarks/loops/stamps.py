"""Tells when a network's forward is called in training, which every loop does once a step."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listener: Callable[[], None] | None = None


def forward_called() -> None:
    """Called by the benchmark's networks at the start of each forward in training."""
    if _listener is not None:
        _listener()


@contextmanager
def listening(listener: Callable[[], None]) -> Iterator[None]:
    """Calls ``listener`` at each forward."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


class Times:
    """Seconds from each forward to the next, of the clock and of the process on all its threads."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.cpus: list[float] = []

    def start(self) -> None:
        """The first step begins now."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def mark(self) -> None:
        """The next step begins now."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.walls.append(wall - self._wall)
        self.cpus.append(cpu - self._cpu)
        self._wall, self._cpu = wall, cpu

    def stop(self) -> dict[str, list[float]]:
        """What was measured."""
        return {"walls": self.walls, "cpus": self.cpus}


class Calls:
    """Python functions entered from each forward to the next; the same in every run."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self._count = 0

    def start(self) -> None:
        """The first step begins now."""
        self._count = 0
        sys.setprofile(self._profile)

    def mark(self) -> None:
        """The next step begins now."""
        self.calls.append(self._count)
        self._count = 0

    def stop(self) -> dict[str, list[int]]:
        """What was counted."""
        sys.setprofile(None)
        return {"calls": self.calls}

    def _profile(self, frame: object, event: str, argument: object) -> None:
        if event == "call":
            self._count += 1
