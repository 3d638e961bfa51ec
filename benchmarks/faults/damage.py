"""R6: checkpoints that were damaged after they were committed."""

import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.faults.processes import run
from benchmarks.faults.trials import Row, Trial, ending_of, folder, spread
from benchmarks.faults.workload import Workload, outcome
from zoo.errors import ArtifactError
from zoo.files import LOCAL
from zoo.runs import Run
from zoo.training import checkpoints

FILES = ("model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json")
CORRUPT = 4
NUM_CUTS, NUM_FLIPS = 100, 300

Damage = Callable[[bytes], bytes | None]


def damaged(workload: Workload, num_cuts: int = NUM_CUTS, num_flips: int = NUM_FLIPS) -> list[Row]:
    """Every file cut short, flipped, deleted, swapped with an older one, and longer; then what resuming makes of it."""
    path = folder() / "run"
    workload.start(path)
    expected = outcome(path)
    found = [partial(_found, path, name, num_cuts, num_flips) for name in FILES]
    resumed = [partial(_resumed, workload, path, expected, name, kind) for name in FILES for kind in KINDS]
    lost = [partial(_lost, workload, path, name) for name in FILES]
    counts = f"{num_cuts} cuts, {num_flips} flipped bits, deleted, swapped with the one before, a byte longer"
    return [
        Row.of("R6", f"every file of a checkpoint: {counts}: detected and named", spread(found), least=20),
        Row.of("R6", "the newest checkpoint damaged: the one before is used", spread(resumed), least=20),
        Row.of("R6", "every checkpoint damaged: exit 4", spread(lost), least=4),
    ]


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    return flipped(content, len(content) * 4)


KINDS: dict[str, Damage] = {
    "cut": _cut,
    "flipped": _flip,
    "deleted": lambda _: None,
    "longer": lambda content: content + b"\n",
    "empty": lambda _: b"",
}


def flipped(content: bytes, bit: int) -> bytes:
    """The same with one bit turned."""
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def damages(
    content: bytes, older: bytes, num_cuts: int, num_flips: int
) -> Iterator[tuple[str, bytes | None]]:
    """Kind and content of each damage; nothing for a deleted file."""
    chance = random.Random(0)  # noqa: S311
    for cut in chance.sample(range(len(content)), min(num_cuts, len(content))):
        yield "cut", content[:cut]
    for bit in chance.sample(range(8 * len(content)), min(num_flips, 8 * len(content))):
        yield "flipped", flipped(content, bit)
    yield "deleted", None
    yield "longer", content + b"\n"
    if older != content:
        yield "swapped", older


def _found(path: Path, name: str, num_cuts: int, num_flips: int) -> list[Trial]:
    """Whether loading says that the checkpoint is damaged, and falls back to the one before."""
    place = folder()
    copy = place / "checkpoints"
    shutil.copytree(Run(path).checkpoints_path, copy)
    older, newest = checkpoints.steps(copy)[-2:]
    file = checkpoints.place(copy, newest) / name
    content = file.read_bytes()
    before = (checkpoints.place(copy, older) / name).read_bytes()
    trials = []
    for kind, damage in damages(content, before, num_cuts, num_flips):
        _put(file, damage)
        trials.append(Trial(f"{kind} {name}", _detected(copy, newest, older)))
    shutil.rmtree(place)
    return trials


def _detected(folder: Path, newest: int, older: int) -> list[str]:
    try:
        checkpoints.load(folder, newest)
    except ArtifactError as error:
        if f"{checkpoints.place(folder, newest)} is damaged: " not in error.message:
            return [f"the checkpoint is not named: {error.message}"]
    else:
        return ["the damage is not seen"]
    loaded, warnings = checkpoints.load_newest(folder)
    if loaded is None or loaded.step != older or len(warnings) != 1:
        return ["the one before it is not used"]
    return []


def _resumed(workload: Workload, path: Path, expected: str, name: str, kind: str) -> Trial:
    copy = _copy(path)
    newest = checkpoints.steps(Run(copy).checkpoints_path)[-1]
    file = checkpoints.place(Run(copy).checkpoints_path, newest) / name
    _put(file, KINDS[kind](file.read_bytes()))
    trial = Trial(f"{kind} {name}", ending_of(workload, copy, expected))
    shutil.rmtree(copy.parent)
    return trial


def _lost(workload: Workload, path: Path, name: str) -> Trial:
    copy = _copy(path)
    for step in checkpoints.steps(Run(copy).checkpoints_path):
        file = checkpoints.place(Run(copy).checkpoints_path, step) / name
        _put(file, _flip(file.read_bytes()))
    ended = run(lambda: workload.resume(copy))
    causes = [] if ended.code == CORRUPT else [f"it ended with {ended.code}: {ended.said}"]
    # A bit of the manifest may show in the file that it speaks of.
    names = FILES if name == "MANIFEST.json" else (name,)
    if "no checkpoint in" not in ended.said or not any(each in ended.said for each in names):
        causes.append(f"it is not named: {ended.said}")
    shutil.rmtree(copy.parent)
    return Trial(name, causes)


def _copy(path: Path) -> Path:
    copy = folder() / "run"
    shutil.copytree(path, copy)
    return copy


def _put(file: Path, content: bytes | None) -> None:
    if content is None:
        LOCAL.remove(file)
    else:
        file.write_bytes(content)
