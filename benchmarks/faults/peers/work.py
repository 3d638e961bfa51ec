"""What the peers train, and where a fault can be put into it."""

import hashlib
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.faults.workload import SEED, arrays

NUM_EPOCHS, BATCH_SIZE, NUM_PARTS, SAVE_EVERY = 6, 18, 2, 2


@dataclass
class Fault:
    """What is to go wrong in this process; a fork has its own."""

    row: tuple[int, float] | None = None
    loss: tuple[int, float] | None = None
    num_losses: int = 0


FAULT = Fault()


def data() -> tuple[Tensor, Tensor]:
    """Features ``[200, 3]`` and classes."""
    found = arrays()
    x, y = torch.tensor(found["x"]), torch.tensor(found["y"])
    if FAULT.row is not None:
        x[FAULT.row[0], 1] = FAULT.row[1]
    return x, y


def network() -> nn.Module:
    """The network of W."""
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def cost(scores: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, which may go wrong once."""
    loss = nn.functional.cross_entropy(scores, target)
    FAULT.num_losses += 1
    if FAULT.loss is not None and FAULT.loss[0] == FAULT.num_losses:
        return loss * FAULT.loss[1]
    return loss


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over weights and buffers."""
    found = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        found.update(name.encode() + tensor.detach().numpy().tobytes())
    return found.hexdigest()


def finite(state: Mapping[str, Any]) -> bool:
    """Whether every weight is finite."""
    return all(bool(each.isfinite().all()) for each in state.values() if isinstance(each, Tensor))


POISON = {"nan": math.nan, "inf": math.inf}
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}


class Counter:
    """Counts what Python changes below a folder, and ends this process before the k-th change.

    Files that are written by compiled code (``torch.save`` to a path, safetensors) raise no event of Python's:
    their writers are counted by wrapping them, once before the file is there, once with half of it.
    """

    def __init__(self, folder: Path, k: int = 0) -> None:
        self.folder, self.k, self.names = os.fspath(folder), k, list[str]()

    def install(self) -> None:
        """From now on, in this process."""
        sys.addaudithook(self._hear)
        import safetensors.torch

        torch.save = self._wrap(torch.save, 1)
        safetensors.torch.save_file = self._wrap(safetensors.torch.save_file, 1)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and _is_for_writing(arguments)):
            path = str(arguments[0])
            if path.startswith(self.folder):
                self._count(f"{event} {os.path.basename(path)}")  # noqa: PTH119

    def _wrap(self, save: Callable[..., Any], place: int) -> Callable[..., Any]:
        def counted(*arguments: Any, **keys: Any) -> Any:
            path = arguments[place] if len(arguments) > place else None
            if not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(self.folder):
                return save(*arguments, **keys)
            name = os.path.basename(path)  # noqa: PTH119
            self._count(f"write {name}")
            result = save(*arguments, **keys)
            if self._is_next():
                os.truncate(path, os.path.getsize(path) // 2)  # noqa: PTH202
            self._count(f"half of {name}")
            return result

        return counted

    def _is_next(self) -> bool:
        return len(self.names) + 1 == self.k

    def _count(self, name: str) -> None:
        if self._is_next():
            os.kill(os.getpid(), signal.SIGKILL)
        self.names.append(name)


def _is_for_writing(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
