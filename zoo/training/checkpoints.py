"""Checkpoints: folders of safetensors and JSON, committed by one rename, verified before use.

checkpoints/step-00001200/model.safetensors      parameters and buffers by player
                          optimizer.safetensors  every tensor of the optimizers' state
                          state.json             the rest: counters, best so far, state without tensors
                          MANIFEST.json          SHA-256 and size of each file, written last

Where weights are spread over processes, ``model`` and ``optimizer`` are folders with one file a process.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from zoo.errors import ArtifactError, EnvironmentFault
from zoo.files import Disk, dump_json, load_json, read_bytes
from zoo.runs import CHECKPOINT
from zoo.training import sharding
from zoo.training.distributed import Team
from zoo.training.trees import Tensors

_MANIFEST = "MANIFEST.json"
_STATE = "state.json"
_TENSORS = ("model", "optimizer")
_KIND = re.compile(r"(model|optimizer)(?:/[\w.-]+)?\.safetensors")

Facts = dict[str, str | int]


@dataclass(frozen=True)
class Checkpoint:
    """One resumable state.

    Attributes:
        step: Updates made so far.
        model: Parameters and buffers, ``player/name``; moving averages under ``player@ema/name``.
        optimizer: Tensors of the optimizers' state.
        state: Everything else, as JSON.
    """

    step: int
    model: Tensors
    optimizer: Tensors
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, disk: Disk, team: Team | None = None) -> None:
    """Writes a checkpoint aside, reads it back, and commits it; one that is there already is left as it is.

    One of the same step that says something else, as before and after a validation, is replaced.

    Args:
        folder: Where the checkpoints of a run are.
        checkpoint: What is saved.
        disk: Where files are written.
        team: The processes over which its tensors are spread; all of them call this.

    Raises:
        EnvironmentFault: The disk is full, refuses, or did not keep what was written; those before are whole.
    """
    target = place(folder, checkpoint.step)
    team = team or Team()
    if team.agree({"is_there": _is_saved(target, checkpoint, is_spread=team.is_several)})["is_there"]:
        return
    aside = folder / f".writing-{target.name}"
    try:
        if team.is_first:
            for path in (target, aside):
                if path.exists():
                    disk.remove(path)
            disk.make_folder(aside)
        if team.is_several:
            _write_spread(aside, checkpoint, team)
        if team.is_first:
            _commit(aside, target, checkpoint, disk, is_spread=team.is_several)
        team.wait()
    except EnvironmentFault:
        shutil.rmtree(aside, ignore_errors=True)  # where the disk is full, half a checkpoint is in the way
        raise


def _is_saved(target: Path, checkpoint: Checkpoint, *, is_spread: bool) -> bool:
    if not target.exists() or not is_whole(target):
        return False
    # What is spread over processes is not gathered only to be compared.
    return is_spread or read_bytes(target / _MANIFEST) == pack(checkpoint)[_MANIFEST]


def _write_spread(aside: Path, checkpoint: Checkpoint, team: Team) -> None:
    """Each process writes its part of the tensors, and synchronises it."""
    team.wait()
    for name, tensors in _tensors_of(checkpoint).items():
        if tensors:
            sharding.write(aside / name, tensors)
    team.wait()


def _commit(aside: Path, target: Path, checkpoint: Checkpoint, disk: Disk, *, is_spread: bool) -> None:
    contents = _pack_files(checkpoint, is_spread=is_spread)
    for name, content in contents.items():
        disk.write(aside / name, content)
    facts = {name: _facts(content) for name, content in contents.items()}
    if is_spread:
        # One file at a time: together they may be larger than memory.
        parts = [name for name in _files_in(aside) if name not in contents]
        facts |= {name: _facts(read_bytes(aside / name)) for name in parts}
    disk.write(aside / _MANIFEST, _pack_manifest(checkpoint.step, facts))
    _require_kept(aside, checkpoint.step)
    disk.rename(aside, target)


def pack(checkpoint: Checkpoint) -> dict[str, bytes]:
    """The files of a checkpoint, in the order in which they are written: the manifest vouches for the others."""
    contents = _pack_files(checkpoint)
    facts = {name: _facts(content) for name, content in contents.items()}
    return {**contents, _MANIFEST: _pack_manifest(checkpoint.step, facts)}


def _pack_files(checkpoint: Checkpoint, *, is_spread: bool = False) -> dict[str, bytes]:
    """Files that one process writes; of what is spread, those without a tensor, as of an optimizer without state."""
    files = {
        f"{name}.safetensors": _pack(tensors)
        for name, tensors in _tensors_of(checkpoint).items()
        if not (is_spread and tensors)
    }
    return {**files, _STATE: dump_json({"step": checkpoint.step, **checkpoint.state})}


def _tensors_of(checkpoint: Checkpoint) -> dict[str, Tensors]:
    return dict(zip(_TENSORS, (checkpoint.model, checkpoint.optimizer), strict=True))


def _facts(content: bytes) -> Facts:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _pack_manifest(step: int, facts: Mapping[str, Facts]) -> bytes:
    return dump_json({"step": step, "files": facts})


def steps(folder: Path) -> list[int]:
    """Steps of the committed checkpoints, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := CHECKPOINT.fullmatch(path.name)))


def load(folder: Path, step: int) -> Checkpoint:
    """Reads and verifies one checkpoint.

    Raises:
        ArtifactError: It is missing or damaged; names the file.
    """
    path = place(folder, step)
    contents = _read(path, step)
    state = load_json(contents[_STATE], name=f"{path / _STATE}")
    model, optimizer = (_tensors(path, name, contents) for name in _TENSORS)
    return Checkpoint(step=state.pop("step"), model=model, optimizer=optimizer, state=state)


def load_newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The highest step that verifies, and a sentence about each damaged one above it.

    Raises:
        ArtifactError: There are checkpoints and none verifies.
    """
    warnings: list[str] = []
    for step in reversed(steps(folder)):
        try:
            return load(folder, step), warnings
        except ArtifactError as error:
            warnings.append(error.message)
    if warnings:
        raise ArtifactError(
            f"no checkpoint in {folder} is whole: " + "; ".join(warnings),
            fix="restore the folder from a copy, or train again",
        )
    return None, warnings


def rotate(folder: Path, *, keep: int, best: int | None, disk: Disk) -> None:
    """Removes all but the newest ``keep`` and the best."""
    for step in steps(folder)[:-keep]:
        if step != best:
            disk.remove(place(folder, step))


def remove_above(folder: Path, step: int, disk: Disk) -> None:
    """Removes what lies above the checkpoint that is resumed: damaged ones, which would be met again.

    Half-written and half-removed folders, which a killed process leaves, go with them.
    """
    for path in list(folder.iterdir()):
        found = CHECKPOINT.fullmatch(path.name)
        if path.name.startswith(".") or (found and int(found[1]) > step):
            disk.remove(path)


def place(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step stands."""
    return folder / f"step-{step:08d}"


def is_whole(path: Path) -> bool:
    """Whether a committed checkpoint verifies."""
    try:
        _read(path, _step_of(path))
    except ArtifactError:
        return False
    return True


def _require_kept(path: Path, step: int) -> None:
    """Older checkpoints are deleted after a newer one was committed, so it must be whole before that."""
    try:
        _read(path, step)
    except ArtifactError as error:
        raise EnvironmentFault(
            f"the disk did not keep what was written to it: {error.message}",
            fix="check the disk; the checkpoints before this one are whole",
        ) from error


def _step_of(path: Path) -> int:
    match = CHECKPOINT.fullmatch(path.name)
    return int(match[1]) if match else -1


def _read(path: Path, step: int) -> dict[str, bytes]:
    """The files of a checkpoint but for the parts of processes, each compared with the manifest."""
    contents: dict[str, bytes] = {}
    try:
        written = read_bytes(path / _MANIFEST)
        manifest = load_json(written, name=_MANIFEST)
        names = _listed(manifest)
        damage = "" if manifest["step"] == step else f"{_MANIFEST} does not belong to it"
        for name in names:
            content = read_bytes(path / name)
            damage = damage or _damage(name, content, manifest["files"][name])
            if "/" not in name:
                contents[name] = content
        if strangers := set(_files_in(path)) - set(names):
            damage = damage or f"it holds the unknown file {min(strangers)}"
        if dump_json(manifest) != written:
            damage = f"{_MANIFEST} is not as it was written"
    except ArtifactError as error:
        damage = error.message
    except (KeyError, TypeError, ValueError, AttributeError):
        damage = f"{_MANIFEST} is not a manifest"
    if damage:
        raise ArtifactError(
            f"checkpoint {path} is damaged: {damage}", fix="restore it from a copy, or train again"
        )
    return contents


def _damage(name: str, content: bytes, facts: Facts) -> str:
    """What is wrong with a file; empty when nothing is."""
    if len(content) != facts["size"]:
        return f"{name} has {len(content)} bytes, not {facts['size']}"
    return "" if _facts(content) == facts else f"{name} differs from its SHA-256"


def _listed(manifest: Any) -> list[str]:
    """The files that a manifest vouches for: the state, and tensors in one file or in a folder of them."""
    names = list(manifest["files"])
    kinds = [name if name == _STATE else _KIND.fullmatch(name)[1] for name in names]  # type: ignore[index]
    if set(kinds) != {_STATE, *_TENSORS}:
        raise KeyError(_STATE)
    return names


def _files_in(path: Path) -> list[str]:
    found = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    return sorted(name for name in found if name != _MANIFEST)


def _tensors(path: Path, name: str, contents: Mapping[str, bytes]) -> Tensors:
    whole = f"{name}.safetensors"
    return _unpack(contents[whole], path / whole) if whole in contents else sharding.read(path / name)


def _pack(tensors: Tensors) -> bytes:
    """Tensors that share memory are written as copies; loading copies into the tied parameter again."""
    # clone: safetensors refuses tensors that share storage, and a device tensor is copied here anyway.
    return safetensors.torch.save(
        {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }
    )


def _unpack(content: bytes, path: Path) -> Tensors:
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ArtifactError(f"{path} is not safetensors: {error}", fix="restore it from a copy") from error
