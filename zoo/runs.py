"""The run folder: the only state that training, export and evaluation share."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from zoo.contracts.plain import plain
from zoo.errors import ArtifactError, UsageError
from zoo.files import LOCAL, Disk, dump_json, load_json, read_bytes

RUNS = Path("runs")


@dataclass(frozen=True)
class Run:
    """One training's folder; every path in it has its name here."""

    path: Path

    @property
    def recipe_path(self) -> Path:
        """The complete recipe, TOML."""
        return self.path / "recipe.toml"

    @property
    def environment_path(self) -> Path:
        """Versions, plugins and the data's fingerprint."""
        return self.path / "environment.json"

    @property
    def metrics_path(self) -> Path:
        """One JSON line a validation."""
        return self.path / "metrics.jsonl"

    @property
    def status_path(self) -> Path:
        """Where the run stands and what it reached."""
        return self.path / "status.json"

    @property
    def checkpoints_path(self) -> Path:
        """One folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def preprocessing_path(self) -> Path:
        """The fitted preprocessing graph."""
        return self.path / "preprocessing.onnx"

    @property
    def model_path(self) -> Path:
        """The exported model, unless it was asked for elsewhere."""
        return self.path / "model.onnx"

    @property
    def report_path(self) -> Path:
        """The learning curves, for a browser."""
        return self.path / "report.html"

    def picture_path(self, step: int) -> Path:
        """What the network answered after a step, where that is a picture."""
        return self.path / f"samples-{step:08d}.png"

    def status(self) -> dict[str, Any]:
        """What ``status.json`` says.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        document = load_json(read_bytes(self.status_path), name=str(self.status_path))
        if not isinstance(document, dict):
            raise ArtifactError(f"{self.status_path} is damaged: not a table", fix="restore it from a copy")
        return document

    def write_status(self, disk: Disk = LOCAL, **status: Any) -> None:
        """Replaces ``status.json``."""
        disk.replace(self.status_path, dump_json(plain(status)))


def create(path: Path | None, files: Mapping[str, bytes], *, stem: str, disk: Disk = LOCAL) -> Run:
    """A new run folder: the named one, or ``runs/STEM-1``, ``-2`` and so on.

    It appears with all its files in one rename, so that a folder that exists can always be resumed.

    Raises:
        UsageError: The folder exists.
        EnvironmentFault: It cannot be written.
    """
    if path is None:
        path = next(free for n in count(1) if not (free := RUNS / f"{_safe(stem)}-{n}").exists())
    require_free(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    _discard(aside, disk)
    try:
        disk.make_folder(Run(aside).checkpoints_path)
        for name, content in files.items():
            disk.write(aside / name, content)
        disk.rename(aside, path)
    except BaseException:
        _discard(aside, disk)
        raise
    return Run(path)


def require_free(path: Path) -> None:
    """Refuses a run folder that exists.

    Raises:
        UsageError: It does.
    """
    if path.exists():
        raise UsageError(
            f"run folder {path} exists",
            fix=f"`zoo resume {path}` continues it; or choose another --run folder",
        )


def find(path: Path | str) -> Run:
    """An existing run folder.

    Raises:
        UsageError: There is none.
    """
    run = Run(Path(path))
    if not run.recipe_path.is_file():
        reason = "is a file" if run.path.is_file() else "does not exist"
        reason = "has no recipe.toml" if run.path.is_dir() else reason
        raise UsageError(
            f"{path} is not a run folder: it {reason}", fix="`zoo runs` lists the runs of this folder"
        )
    return run


def list_runs(folder: Path = RUNS) -> list[Run]:
    """The runs of a folder, by name."""
    if not folder.is_dir():
        return []
    return [Run(path) for path in sorted(folder.iterdir()) if Run(path).recipe_path.is_file()]


def _discard(path: Path, disk: Disk) -> None:
    if path.is_dir():
        disk.remove_folder(path)


def _safe(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-") or "run"
