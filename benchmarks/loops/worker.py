"""One loop in a process of its own, which trains when it is told to: ``python -m benchmarks.loops.worker``.

Commands come as lines of JSON on standard input: ``{"do": "time", "steps": 500}`` or ``"count"``. The
network's forward waits for them, so the loop around it is as its framework has it and stays warm.
"""

import argparse
import json
import os
import resource
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Never

from benchmarks.loops.malloc import set_thresholds

set_thresholds("before")

import torch  # noqa: E402

set_thresholds("after")

from benchmarks import machine  # noqa: E402
from benchmarks.loops import peers, stamps, torch_loops  # noqa: E402
from benchmarks.loops.works import WORKS, Work  # noqa: E402

LOOPS = {
    "limit": torch_loops.limit,
    "tutorial": torch_loops.tutorial,
    "fabric": peers.fabric,
    "accelerate": peers.accelerate,
    "skorch": peers.skorch,
    "lightning": peers.lightning,
    "lightning-log": peers.lightning_log,
    "lightning-barebones": peers.lightning_barebones,
    "hugging-face": peers.hugging_face,
    "keras": peers.keras,
}
OURS = "zoo"


class Gate:
    """Stops the loop at a forward when its steps are done, until more are asked for."""

    def __init__(self, commands: IO[str], answers: IO[str], about: dict[str, Any], device: str) -> None:
        self._commands, self._answers, self._answer, self._device = commands, answers, about, device
        self._left = 0
        self._measure: stamps.Times | stamps.Calls | None = None

    def __call__(self) -> None:
        """A forward begins, and with it a step."""
        if self._measure is not None:
            if self._left == 1:
                machine.wait(self._device)
            self._measure.mark()
            self._left -= 1
        if not self._left:
            self._wait()

    def _wait(self) -> None:
        if self._measure is not None:
            self._answer = {
                **self._measure.stop(),
                "faults": _page_faults() - self._faults,
                "resident_mib": _resident_mib(),
            }
        print(json.dumps(self._answer), file=self._answers, flush=True)
        line = self._commands.readline()
        if not line:
            _leave()
        command = json.loads(line)
        self._left = command["steps"]
        self._measure = stamps.Times() if command["do"] == "time" else stamps.Calls()
        self._faults = _page_faults()
        machine.wait(self._device)
        self._measure.start()


def _leave() -> Never:
    """Ends at once: the loops know no end, and a framework would tidy up for long."""
    os._exit(0)


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _resident_mib() -> float:
    """Largest resident set so far; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe(work: Work, loop: Any) -> dict[str, Any]:
    """What every loop of a work must agree on, and the loop's settings."""
    network = work.network()
    return {
        "parameters": sum(each.numel() for each in network.parameters()),
        "settings": " ".join(loop.__doc__.split()).rstrip("."),
    }


def run(name: str, work: Work, folder: Path, *, fused: bool) -> None:
    """Trains without end."""
    if name == OURS:
        from benchmarks.loops import ours

        ours.loop(work, folder, fused=fused)
    else:
        LOOPS[name](work, work.network(), fused=fused)


def main() -> None:
    """Serves one loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loop", choices=[*LOOPS, OURS])
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    # Frameworks print what they like; only answers go to the real standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    work = replace(WORKS[given.work], device=given.device)
    if given.loop == OURS:
        from benchmarks.loops import ours

        about = describe(work, ours.loop)
    else:
        about = describe(work, LOOPS[given.loop])
    with stamps.listening(Gate(sys.stdin, answers, about, given.device)):
        run(given.loop, work, given.folder, fused=given.fused)


if __name__ == "__main__":
    main()
