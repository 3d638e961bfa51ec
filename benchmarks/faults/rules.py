"""The order in which a run must talk to the disk, checked on a trace of what it said.

Content is synchronised before the rename that commits it, the folder it stands in after; the manifest is
written when everything it vouches for is on disk; and nothing is deleted before something newer is committed.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.disks import Operation

MANIFEST = "MANIFEST.json"
_CONTENT = {"open", "write", "truncate"}
_ENTRIES = {"open", "mkdir", "unlink", "rmdir"}


def violations(trace: Sequence[Operation]) -> list[str]:
    """What is out of order, a sentence each; the lock file holds nothing that must last."""
    found: list[str] = []
    dirty: set[Path] = set()
    commits: set[int] = set()
    sealed: set[Path] = set()
    for index, operation in enumerate(trace):
        path = operation.path
        if path.name == ".lock":
            continue
        if operation.kind == "open" and path.parent in sealed:
            found.append(f"{path} is written after the manifest that vouches for it")
        if operation.kind == "open" and path.name == MANIFEST:
            sealed.add(path.parent)
            early = sorted(each.name for each in dirty if each != path.parent and path.parent in each.parents)
            found += [f"{path} is begun before {name} is on disk" for name in early]
        if operation.kind == "rename":
            sealed.discard(operation.source or path)
            found += _of_rename(operation, dirty, trace[index + 1 : index + 2], commits)
            dirty = {_renamed(each, operation) for each in dirty} | {path.parent}
        elif operation.kind == "fsync":
            dirty.discard(path)
        if operation.kind in _CONTENT:
            dirty.add(path)
        if operation.kind in _ENTRIES:
            dirty.add(path.parent)
    return found


def _of_rename(
    operation: Operation, dirty: set[Path], following: Sequence[Operation], commits: set[int]
) -> list[str]:
    source, target = operation.source, operation.path
    if source is None:
        return [f"{target} is renamed past the disk"]
    found = [
        f"{target} is committed before {path} is on disk"
        for path in sorted(dirty)
        if path == source or source in path.parents
    ]
    if [(each.kind, each.path) for each in following] != [("fsync", target.parent)]:
        found.append(f"{target.parent} is not synchronised after {target.name} was committed")
    if target.name.startswith("step-"):
        commits.add(_step(target))
    if source.name.startswith("step-") and not any(step > _step(source) for step in commits):
        found.append(f"{source} is deleted before anything newer is committed")
    return found


def _renamed(path: Path, operation: Operation) -> Path:
    source = operation.source
    if source is None or not path.is_relative_to(source):
        return path
    return operation.path / path.relative_to(source)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
