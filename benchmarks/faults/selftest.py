"""Whether the harness finds what it is for: mistakes are planted, and each way of looking says what it sees.

    order  the trace of one run against the rules
    kill   SIGKILL at every operation of the second save and its rotation
    cut    the power goes at each of them
    lie    each write of that save keeps other bytes

``python -m benchmarks.faults.selftest`` prints the slice of the table that ``make test`` runs, as JSON.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.crashes import KILLED, KillAt, fresh
from benchmarks.faults.disks import CountingDisk, KillingDisk, LyingDisk
from benchmarks.faults.planted import PLANTED, Save
from benchmarks.faults.power import CachedDisk
from benchmarks.faults.processes import run
from benchmarks.faults.refusals import FAULT
from benchmarks.faults.rules import violations
from benchmarks.faults.trials import Row, Trial, folder, judge, operations, spread
from benchmarks.faults.workload import Workload, outcome
from zoo.files import Disk
from zoo.training import checkpoints

SHORT: dict[str, Any] = {"epochs": 2, "checkpoint": {"keep": 1}}
# Of the planted mistakes, the ways of looking that must see them.
FOUND_BY = {
    "rename_before_fsync": ("order", "cut"),
    "manifest_first": ("order",),
    "delete_before_verify": ("lie",),
    "in_place": ("order", "kill"),
    "without_folder_sync": ("order", "cut"),
}


def planted(workload: Workload) -> Row:
    """Every planted mistake is found, and where nothing is planted nothing is."""
    expected = _outcome(workload)
    trials = []
    for name, ways in FOUND_BY.items():
        for way in ways:
            causes = look(workload, expected, way, PLANTED[name])
            trials.append(Trial(f"{name}, {way}", [] if causes else ["it is not found"]))
    # Kills where nothing is planted are rows of their own.
    for way in ("order", "cut", "lie"):
        trials.append(Trial(f"nothing, {way}", look(workload, expected, way, None)))
    return Row.of(
        "harness", "planted mistakes, found by the ways that must see them", trials, least=len(trials)
    )


def look(workload: Workload, expected: str, way: str, save: Save | None) -> list[str]:
    """What one way of looking sees of one mistake."""
    trace = _trace(workload, save)
    return WAYS[way](workload, expected, trace, save)


def _order(_: Workload, __: str, trace: Sequence[str], ___: Save | None) -> list[str]:
    return [each for each in trace if each.startswith("! ")]


def _trials(
    workload: Workload,
    expected: str,
    names: Sequence[str],
    save: Save | None,
    make: "Make",
    ks: Sequence[int],
    code: int,
) -> list[str]:
    acts = [partial(_trial, workload, expected, names[k - 1], save, make, k, code) for k in ks]
    return [f"{each.landed}: {cause}" for each in spread(acts) for cause in each.causes]


def _kill(workload: Workload, expected: str, trace: Sequence[str], save: Save | None) -> list[str]:
    names = _operations(trace)
    return _trials(
        workload, expected, names, save, lambda k, _: KillingDisk(k=k), _second_save(names)[::3], KILLED[0]
    )


def _cut(workload: Workload, expected: str, trace: Sequence[str], save: Save | None) -> list[str]:
    names = _operations(trace)

    def make(k: int, path: Path) -> Disk:
        return CachedDisk(k=k, root=path.parent, keeps="synced")

    # What matters is what a commit leaves behind: the operations from the rename on.
    ks = _second_save(names)
    first = next(k for k in ks if names[k - 1].startswith("rename checkpoints/step-"))
    return _trials(workload, expected, names, save, make, [k for k in ks if k >= first], KILLED[0])


def _lie(workload: Workload, expected: str, trace: Sequence[str], save: Save | None) -> list[str]:
    names = _operations(trace)
    ks = [k for k in _second_save(names) if names[k - 1].startswith("write checkpoints/")]
    return _trials(workload, expected, names, save, lambda k, _: LyingDisk(k=k), ks, FAULT)


WAYS: dict[str, Callable[[Workload, str, Sequence[str], Save | None], list[str]]] = {
    "order": _order,
    "kill": _kill,
    "cut": _cut,
    "lie": _lie,
}
Make = Callable[[int, Path], Disk]


def _trial(
    workload: Workload, expected: str, name: str, save: Save | None, make: Make, k: int, code: int
) -> Trial:
    path = fresh()

    def act() -> None:
        _plant(save)
        workload.start(path, make(k, path), **SHORT)

    ended = run(act)
    trial = judge(workload, path, expected, name, ended, {code})
    shutil.rmtree(path.parent)
    return trial


def _trace(workload: Workload, save: Save | None) -> list[str]:
    """Names of the operations of one run, and after a ``!`` what is out of order in it."""

    def act() -> str:
        _plant(save)
        path, disk = fresh(), CountingDisk()
        workload.start(path, disk, **SHORT)
        names = [operation.named(path) for operation in disk.trace]
        return json.dumps(names + [f"! {each}" for each in violations(disk.trace)])

    ended = run(act)
    assert ended.code == 0, ended.said
    found: list[str] = json.loads(ended.said)
    return found


def _operations(trace: Sequence[str]) -> list[str]:
    return [each for each in trace if not each.startswith("! ")]


def _second_save(names: Sequence[str]) -> list[int]:
    """The operations from the second save to the end of its rotation, counted from 1."""
    begun = [k for k, name in enumerate(names, 1) if name.startswith("mkdir checkpoints/.writing")]
    ended = max(k for k, name in enumerate(names, 1) if " checkpoints" in name)
    return list(range(begun[1], ended + 1))


def _plant(save: Save | None) -> None:
    if save is not None:
        checkpoints.save = save  # type: ignore[assignment]


def _outcome(workload: Workload) -> str:
    path = fresh()
    workload.start(path, **SHORT)
    return outcome(path)


def every_operation_of_a_resume(workload: Workload) -> Row:
    """SIGKILL at each operation of a resume that makes one save and its rotation."""
    expected = _outcome(workload)
    killed, path = _killed(workload), folder() / "run"
    shutil.copytree(killed, path)
    names = operations(lambda disk: workload.resume(path, disk), path)
    acts = [partial(_resumed, workload, killed, expected, names[k - 1], k) for k in range(1, len(names) + 1)]
    return Row.of("R3", "SIGKILL at every operation of a resume", spread(acts), least=len(set(names)))


def every_operation_of_a_save(workload: Workload) -> Row:
    """SIGKILL at each operation of a second save and its rotation."""
    expected, names = _outcome(workload), _operations(_trace(workload, None))
    ks = _second_save(names)
    acts = [
        partial(_trial, workload, expected, names[k - 1], None, lambda k, _: KillingDisk(k=k), k, KILLED[0])
        for k in ks
    ]
    return Row.of(
        "R2",
        "SIGKILL at every operation of a second save",
        spread(acts),
        least=len({names[k - 1] for k in ks}),
    )


def _killed(workload: Workload) -> Path:
    path = folder() / "run"
    run(lambda: workload.start(path, progress=KillAt(6), **SHORT))
    return path


def _resumed(workload: Workload, killed: Path, expected: str, name: str, k: int) -> Trial:
    path = folder() / "run"
    shutil.copytree(killed, path)
    ended = run(lambda: workload.resume(path, KillingDisk(k=k)))
    trial = judge(workload, path, expected, name, ended, KILLED)
    shutil.rmtree(path.parent)
    return trial


def main() -> None:
    """Prints the rows."""
    workload = Workload(Path(tempfile.mkdtemp()))
    rows = [act(workload) for act in (every_operation_of_a_save, every_operation_of_a_resume, planted)]
    json.dump([row.to_json() for row in rows], sys.stdout, indent=1)


if __name__ == "__main__":
    main()
