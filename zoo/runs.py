"""The run folder: the only state that training, export and evaluation share."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from zoo import locks
from zoo.contracts.plain import plain
from zoo.errors import ArtifactError, EnvironmentFault, UsageError
from zoo.files import LOCAL, Disk, dump_json, load_json, read_bytes

RUNS = Path("runs")
CHECKPOINT = re.compile(r"step-(\d{8,})")
"""The name of a committed checkpoint's folder: the step that it was taken after."""

# What ``Disk.replace`` writes beside a file before it commits.
_ASIDE = re.compile(r"\..+\.\d+")


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

    def held(
        self, disk: Disk = LOCAL, warn: Callable[[str], None] = lambda _: None
    ) -> AbstractContextManager[None]:
        """While entered, this process alone trains the run.

        Raises:
            EnvironmentFault: Another process does, which is named; or the folder cannot be written into.
        """
        return locks.held(self.path, disk, warn)

    def prepare(self, disk: Disk = LOCAL) -> None:
        """Sees that a held run can be written into, and clears away what a killed process left half written.

        Raises:
            EnvironmentFault: It cannot.
        """
        for path in [path for path in self.path.iterdir() if _ASIDE.fullmatch(path.name)]:
            disk.remove(path)
        disk.probe(self.checkpoints_path)

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


@contextmanager
def create(
    path: Path | None,
    files: Mapping[str, bytes],
    *,
    stem: str,
    disk: Disk = LOCAL,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[Run]:
    """A new run folder, held while entered: the named one, or ``runs/STEM-1``, ``-2`` and so on.

    It appears with all its files in one rename, held already, so that a folder that exists can always be
    resumed and of two processes that make the same one exactly one succeeds.

    Raises:
        UsageError: The folder exists.
        EnvironmentFault: It cannot be written, or another process made it and holds it.
    """
    named = path is not None
    path = path or _free(stem)
    require_free(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    _remove_unfinished(path, disk)
    with ExitStack() as stack:
        try:
            disk.make_folder(aside)
            stack.enter_context(locks.held(aside, disk, warn))
            disk.make_folder(Run(aside).checkpoints_path)
            for name, content in files.items():
                disk.write(aside / name, content)
            while not _claim(aside, path, disk):
                if named:
                    require_free(path)
                path = _free(stem)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        yield Run(path)


def require_free(path: Path) -> None:
    """Refuses a run folder that exists.

    Raises:
        UsageError: It does.
        EnvironmentFault: It does, and another process works on it.
    """
    if locks.is_held(path):
        raise locks.in_use(path)
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


def _remove_unfinished(path: Path, disk: Disk) -> None:
    """Clears away what processes that were killed while they made this folder left beside it."""
    for aside in path.parent.glob(f".{escape(path.name)}.*"):
        pid = aside.suffix.removeprefix(".")
        is_ours = pid == str(os.getpid())  # the number of a dead process, come round again
        if pid.isdecimal() and (is_ours or not (locks.is_held(aside) or locks.is_alive(int(pid)))):
            disk.remove(aside)


def _free(stem: str) -> Path:
    return next(path for n in count(1) if not (path := RUNS / f"{_safe(stem)}-{n}").exists())


def _claim(aside: Path, path: Path, disk: Disk) -> bool:
    """Gives a finished folder its name, unless another process was faster."""
    try:
        disk.rename(aside, path)
    except EnvironmentFault:
        if not path.exists() or not aside.exists():
            raise
        return False
    return True


def _safe(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-") or "run"
