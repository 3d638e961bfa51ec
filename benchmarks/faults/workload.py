"""Workload W: a network with everything that makes a resumed run hard to get right, and over in a moment.

Dropout, batch normalisation, AdamW, a cosine schedule, a moving average, two micro-batches a step and
checkpoints inside and at the end of each of three epochs, on 200 rows of three columns.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bridges import registry_without_bridges
from zoo.contracts.plain import plain
from zoo.files import LOCAL, Disk
from zoo.runs import Run
from zoo.training import session
from zoo.training.progress import Progress

SEED = 7
NUM_ROWS, NUM_COLUMNS = 200, 3


class Workload:
    """Starts and resumes W; its data stands in a folder of its own.

    Args:
        folder: An existing folder for the data.
    """

    def __init__(self, folder: Path) -> None:
        # One thread: the processes of the harness are forked, and a thread pool does not survive that.
        torch.set_num_threads(1)
        # Arrays, not a table: polars has a thread pool.
        self.data = folder / "rows.npz"
        folder.chmod(0o755)  # one row trains as another user
        np.savez(self.data, **arrays())
        self.registry = registry_without_bridges()
        # Everything that is imported on first use is there before the first fork.
        self.start(folder / "warm")
        self.resume(folder / "warm")

    def recipe(self, **keys: Any) -> dict[str, Any]:
        """What W trains."""
        return {
            "data": {"name": str(self.data)},
            "model": {"name": "mlp", "hidden": [8], "dropout": 0.2, "normalisation": "batch"},
            "optimizer": "adamw",
            "schedule": "cosine",
            "ema": 0.9,
            "accumulate": 2,
            "batch_size": 35,
            "epochs": 3,
            "device": "cpu",
            "seed": SEED,
            "checkpoint": {"every": 2, "keep": 2},
            **keys,
        }

    def start(self, path: Path, disk: Disk = LOCAL, progress: Progress | None = None, **keys: Any) -> Run:
        """Trains a new run to its end."""
        return session.start(
            self.recipe(**keys),
            run_path=path,
            registry=self.registry,
            progress=progress or Progress(),
            disk=disk,
        )

    def resume(self, path: Path, disk: Disk = LOCAL, progress: Progress | None = None) -> Run:
        """Continues a run to its end."""
        return session.resume(
            Run(path), {}, registry=self.registry, progress=progress or Progress(), disk=disk
        )

    def proceed(self, path: Path, disk: Disk = LOCAL, progress: Progress | None = None) -> Run:
        """What someone does after a fault: resumes the run, or trains again where none came to be."""
        act = self.resume if path.exists() else self.start
        return act(path, disk, progress)


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    """Vectors of two overlapping classes."""
    generator = np.random.default_rng(SEED)
    y = np.arange(NUM_ROWS) % 2
    x = generator.normal(y[:, None], 1.0, (NUM_ROWS, NUM_COLUMNS)).astype(np.float32)
    return {"x": x, "y": y}


def outcome(path: Path) -> str:
    """SHA-256 over everything that training decides: the kept checkpoints, the log and the metrics.

    Which checkpoints are kept, and every byte of weights, averages, optimizer state and counters, is in it.
    """
    run, digest = Run(path), hashlib.sha256()
    for file in sorted(each for each in run.checkpoints_path.rglob("*") if each.is_file()):
        digest.update(f"{os.fspath(file.relative_to(path))}\n".encode("utf-8", "surrogateescape"))
        digest.update(file.read_bytes())
    digest.update(run.metrics_path.read_bytes())
    status = run.status()
    facts = {key: status[key] for key in ("state", "step", "epoch", "best_step", "metrics")}
    digest.update(json.dumps(plain(facts), sort_keys=True).encode())
    return digest.hexdigest()
