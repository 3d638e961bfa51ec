"""Trains, exports and compares every bridged architecture: ``python -m benchmarks.compatibility [NAME...] [--all]``.

Each is built through the registry, trained one step, exported with a dynamic batch axis, and run in ONNX
Runtime at three batch sizes, in a process of its own with limits of time and memory. What was found goes to
docs/compatibility.json after every architecture, so that a run of hours can be stopped and taken up again;
architectures that are named are tried again and printed, one JSON object a line.
"""

import argparse
import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.facts import LIBRARIES, MATRIX, shipped
from zoo.contracts.entries import Architecture
from zoo.registry import CORE, Registry
from zoo.runtime.sessions import why_no_file

_BYTES_A_WEIGHT = 4
_LOCK = Path(tempfile.gettempdir()) / "zoo-compatibility.lock"
Result = dict[str, Any]


def known() -> dict[str, Mapping[str, Any]]:
    """Parameters and family of every bridged architecture that can be used, by qualified name."""
    classifiers = {
        f"{library}/{name}": fact["family"]
        for library in LIBRARIES
        for name, fact in shipped(library).items()
    }
    found: dict[str, Mapping[str, Any]] = {}
    for name, entry in _bridged():
        if not entry.unsupported:
            family = classifiers.get(name) or _task(entry)
            found[name] = {"parameters": entry.num_parameters, "family": family}
    return found


def unsupported() -> dict[str, str]:
    """Why the other bridged architectures cannot be used, by qualified name."""
    return {name: entry.unsupported for name, entry in _bridged() if entry.unsupported}


def _bridged() -> Iterator[tuple[str, Architecture]]:
    registry = Registry.discover({"ZOO_PLUGINS": ",".join(f"zoo-{library}" for library in LIBRARIES)})
    for registered in registry.kind("architecture"):
        if registered.plugin.distribution != CORE:
            assert isinstance(registered.entry, Architecture)
            yield registered.qualified_name.removeprefix("zoo-"), registered.entry


def _task(entry: Architecture) -> str:
    if "video" in entry.accepts:
        return "video"
    return "detection" if "boxes" in entry.predicts else "segmentation"


def ordered(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The smallest of every family first, then all others, the smallest first."""
    by_size = sorted(facts, key=lambda name: (facts[name]["parameters"], name))
    first: dict[tuple[str, str], str] = {}
    for name in by_size:
        first.setdefault((name.partition("/")[0], facts[name]["family"]), name)
    leading = set(first.values())
    return [*first.values(), *(name for name in by_size if name not in leading)]


def tried(name: str, parameters: int, *, seconds: float, gigabytes: float) -> Result:
    """What became of one architecture in a process of its own; one that no file can hold is not tried."""
    found: Result = {"architecture": name, "status": "failed", "parameters": parameters}
    if reason := why_no_file(parameters * _BYTES_A_WEIGHT):
        return {**found, "status": "skipped", "reason": f"too large: {reason}"}
    from benchmarks import trial

    context = get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=trial.report, args=(name, sender))
    process.start()
    sender.close()
    try:
        found |= _watched(process, receiver, seconds=seconds, gigabytes=gigabytes)
    except EOFError:
        process.join()
        found["reason"] = f"its process ended with exit code {process.exitcode}"
    process.kill()
    process.join()
    return found


def _watched(process: Any, receiver: Connection, *, seconds: float, gigabytes: float) -> Result:
    """What the process found, or the limit that it went over.

    Raises:
        EOFError: It ended without a word.
    """
    while not receiver.poll(0.2):
        used = _used(process.pid)
        if used.gigabytes > gigabytes:
            reason = f"too large: it took more than {gigabytes:g} GB of memory"
            return {"status": "skipped", "reason": reason, "seconds": round(used.seconds, 1)}
        if used.seconds > seconds:
            reason = f"it took more than {seconds:g} s of a processor"
            return {"status": "failed", "reason": reason, "seconds": round(used.seconds, 1)}
    found: Result = receiver.recv()
    return found


class _Used(NamedTuple):
    gigabytes: float
    seconds: float


def _used(process_id: int) -> _Used:
    """Memory and processor time of a process; seconds on the clock would count those who wait for a turn."""
    folder = Path(f"/proc/{process_id}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return _Used(0, 0)  # it has just ended
    ticks = int(fields[11]) + int(fields[12])
    return _Used(pages * os.sysconf("SC_PAGE_SIZE") / 1e9, ticks / os.sysconf("SC_CLK_TCK"))


def results() -> dict[str, Result]:
    """What was found so far, by architecture."""
    rows = json.loads(MATRIX.read_text(encoding="utf-8")) if MATRIX.exists() else []
    return {row["architecture"]: row for row in rows}


def record(result: Result) -> None:
    """Adds a result to the file, which is whole at every moment."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = {**results(), result["architecture"]: result}
        lines = ",\n".join(json.dumps(rows[name], ensure_ascii=False) for name in sorted(rows))
        aside = MATRIX.with_suffix(".part")
        aside.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        aside.replace(MATRIX)


def run(names: Sequence[str], *, jobs: int, seconds: float, gigabytes: float) -> Iterator[Result]:
    """Tries architectures, several at a time, and records each; yields them as they end."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.warmed"])
    facts = known()
    waiting, running = list(names), set[Future[Result]]()
    with ThreadPoolExecutor(jobs) as pool:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                limits = {"seconds": seconds, "gigabytes": gigabytes}
                running.add(pool.submit(tried, name, facts[name]["parameters"], **limits))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                record(future.result())
                yield future.result()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="for example timm/resnet18; tried again")
    parser.add_argument("--all", action="store_true", help="every architecture that was not tried yet")
    parser.add_argument(
        "--families", action="store_true", help="the smallest of every family, if not tried yet"
    )
    parser.add_argument("--again", choices=["failed", "skipped"], help="those that failed, or were too large")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit of each in processor time")
    parser.add_argument("--gigabytes", type=float, default=7.0, help="limit of memory of each")
    chosen = parser.parse_args()
    facts, found = known(), results()
    unknown = [name for name in chosen.names if name not in facts]
    if unknown:
        parser.error(
            f"no such architecture that can be used: {', '.join(unknown)}; they are called like timm/resnet18"
        )
    names = list(chosen.names)
    if chosen.again:
        names += [name for name, row in found.items() if row["status"] == chosen.again]
    if chosen.all or chosen.families:
        num_families = len({(name.partition("/")[0], fact["family"]) for name, fact in facts.items()})
        names += [
            name for name in ordered(facts)[: None if chosen.all else num_families] if name not in found
        ]
    limits = {"jobs": chosen.jobs, "seconds": chosen.seconds, "gigabytes": chosen.gigabytes}
    for result in run(names, **limits):
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
