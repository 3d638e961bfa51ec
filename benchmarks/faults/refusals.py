"""Rows of a system that refuses: full disks, missing permission, broken devices, no memory, lying disks."""

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.crashes import Act, fresh, stopped_twice
from benchmarks.faults.disks import ForgetfulDisk, LyingDisk, RefusingDisk
from benchmarks.faults.processes import Ended, run
from benchmarks.faults.trials import Row, Trial, ending_of, folder, judge, operations, spread, state_of
from benchmarks.faults.workload import Workload, outcome
from zoo.files import Disk
from zoo.runs import Run
from zoo.training.progress import Progress

FAULT = 6
NOBODY = 65534
NUM_LIMITS = 20
TMPFS_KIB = (16, 20, 24, 32, 40, 48, 56, 64)

Make = Callable[[int], Disk]


def refused_at_every_operation(workload: Workload) -> Iterator[Row]:
    """R4, R5, EIO, R12 and a lie: each at every operation of a run."""
    path = fresh()
    names = operations(partial(workload.start, path), path)
    expected = outcome(path)
    every = range(1, len(names) + 1)
    # What the lock file says is for people to read.
    writes = [k for k in every if names[k - 1].startswith("write ") and not names[k - 1].endswith(".lock")]
    kinds: list[tuple[str, str, Make, Sequence[int]]] = [
        ("R4", "ENOSPC at every write, and from there on", _refusing(errno.ENOSPC, lasts=True), writes),
        ("R4", "ENOSPC at every operation", _refusing(errno.ENOSPC), every),
        ("R5", "EACCES at every operation", _refusing(errno.EACCES), every),
        ("R5", "EDQUOT at every write", _refusing(errno.EDQUOT), writes),
        ("EIO", "EIO at every operation", _refusing(errno.EIO), every),
        ("R12", "MemoryError at every operation", lambda k: ForgetfulDisk(k=k), every),
    ]
    for row, title, make, ks in kinds:
        acts = [partial(_refuse, workload, names, expected, make, k) for k in ks]
        yield Row.of(row, title, spread(acts), least=len({names[k - 1] for k in ks}))


def _refusing(code: int, *, lasts: bool = False) -> Make:
    return lambda k: RefusingDisk(k=k, code=code, lasts=lasts)


def _refuse(workload: Workload, names: Sequence[str], expected: str, make: Make, k: int) -> Trial:
    path = fresh()
    disk = make(k)
    ended = run(lambda: workload.start(path, disk))
    trial = judge(workload, path, expected, names[k - 1], ended, {FAULT})
    causes = [*trial.causes, *_wording(names[k - 1], ended, disk)]
    shutil.rmtree(path.parent)
    return Trial(trial.landed, causes)


def _wording(name: str, ended: Ended, disk: Disk) -> list[str]:
    """The message names the path, and the bytes where it was a write for which there was no room."""
    if not isinstance(disk, RefusingDisk):
        return []
    causes = (
        []
        if "cannot be written: " in ended.said
        else [f"it does not say what cannot be written: {ended.said}"]
    )
    is_room = name.startswith("write ") and disk.code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (
        [*causes, f"it does not say how many bytes: {ended.said}"]
        if is_room and "bytes" not in ended.said
        else causes
    )


def lied_to(workload: Workload) -> Row:
    """A disk that keeps other bytes than it was given, at every write of a checkpoint."""
    path = fresh()
    keys = {"checkpoint": {"every": 2, "keep": 1}}
    names = operations(partial(workload.start, path, **keys), path)
    expected = outcome(path)
    ks = [k for k, name in enumerate(names, 1) if name.startswith("write ") and ".writing-" in name]
    acts = [partial(_lie, workload, names, expected, k) for k in ks]
    return Row.of(
        "R6",
        "one bit is written wrong, silently, at every write of a checkpoint",
        spread(acts),
        least=len(ks),
    )


def _lie(workload: Workload, names: Sequence[str], expected: str, k: int) -> Trial:
    path = fresh()
    keys = {"checkpoint": {"every": 2, "keep": 1}}
    ended = run(lambda: workload.start(path, LyingDisk(k=k), **keys))
    trial = (
        judge(workload, path, expected, names[k - 1], ended, {FAULT})
        if path.exists()
        else Trial(names[k - 1], ["no run is left"])
    )
    shutil.rmtree(path.parent)
    return trial


def really_full(workload: Workload) -> list[Row]:
    """R4 without simulation: a limit on the size of files, and a small file system where this is root."""
    path = fresh()
    workload.start(path)
    expected = outcome(path)
    largest = max(file.stat().st_size for file in path.rglob("*") if file.is_file())
    limits = [largest * (step + 1) // (NUM_LIMITS + 1) for step in range(NUM_LIMITS)]
    rows = [
        Row.of(
            "R4",
            "RLIMIT_FSIZE at 20 sizes",
            spread([partial(_limit, workload, expected, each) for each in limits]),
        )
    ]
    if os.geteuid() == 0:
        trials = [_small(workload, expected, kib) for kib in TMPFS_KIB]
        rows.append(Row.of("R4", "a real file system of 16 to 64 KiB that is full", trials))
    return rows


def _limit(workload: Workload, expected: str, num_bytes: int) -> Trial:
    path = fresh()

    def act() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))
        workload.start(path)

    ended = run(act)
    landed = ended.said.partition(" cannot be written")[0].rpartition("/")[2]
    trial = judge(workload, path, expected, landed, ended, {FAULT})
    causes = [] if "File too large; it needs" in ended.said else [f"it does not say how large: {ended.said}"]
    shutil.rmtree(path.parent)
    return Trial(trial.landed, [*trial.causes, *causes])


def _small(workload: Workload, expected: str, kib: int) -> Trial:
    place = folder()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    try:
        ended = run(lambda: workload.start(place / "run"))
        landed = ended.said.partition(" cannot be written")[0].rpartition("/")[2]
        causes = state_of(place / "run")
        if ended.code != FAULT or "No space left on device" not in ended.said:
            causes.append(f"it ended with {ended.code}: {ended.said}")
        subprocess.run(["mount", "-o", "remount,size=16m", str(place)], check=True)
        return Trial(landed or "nowhere", [*causes, *ending_of(workload, place / "run", expected)])
    finally:
        subprocess.run(["umount", str(place)], check=True)


class NoStep(Progress):
    """A step that is made although nothing can be kept is what this row looks for."""

    def stepped(self, step: int, *_: object) -> None:
        """Ends in code 1."""
        raise AssertionError(f"step {step} was made in a folder that cannot be written")


def read_only(workload: Workload) -> Row:
    """R5: a folder that cannot be written into fails before the first step."""
    path = stopped_twice(workload)
    workload.resume(path)
    cases = [
        ("train, EROFS", False, _erofs(workload.start)),
        ("train, the parent is read-only", False, _unprivileged(workload.start, "..")),
        ("resume, EROFS", True, _erofs(workload.resume)),
        ("resume, the run folder is read-only", True, _unprivileged(workload.resume, ".")),
        ("resume, the checkpoints are read-only", True, _unprivileged(workload.resume, "checkpoints")),
    ]
    acts = [partial(_read_only, workload, outcome(path), *case) for case in cases]
    return Row.of("R5", "a folder that cannot be written into, before the first step", spread(acts), least=5)


def _erofs(act: Act) -> Callable[[Path], object]:
    return lambda path: act(path, RefusingDisk(k=1, code=errno.EROFS, lasts=True), NoStep())


def _unprivileged(act: Act, where: str) -> Callable[[Path], object]:
    """As a user who may write everything but one folder; root may write anywhere."""

    def do(path: Path) -> object:
        for each in (path.parent, *path.parent.rglob("*")):
            each.chmod(0o777 if each.is_dir() else 0o666)
        Path(os.path.normpath(path / where)).chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        return act(path, progress=NoStep())

    return do


def _read_only(
    workload: Workload, expected: str, name: str, is_resumed: bool, act: Callable[[Path], object]
) -> Trial:
    path = stopped_twice(workload) if is_resumed else fresh()
    ended = run(lambda: act(path))
    for each in (path.parent, path, Run(path).checkpoints_path):
        if each.exists():
            each.chmod(0o755)
    causes = [] if ended.code == FAULT else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    causes += ending_of(workload, path, expected)
    shutil.rmtree(path.parent)
    return Trial(name, causes)
