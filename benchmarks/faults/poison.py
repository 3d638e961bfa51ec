"""N1: numbers that are not finite, in features, labels, loss and gradients, at the first, a middle and the last step."""

import itertools
import math
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from benchmarks.faults.processes import run
from benchmarks.faults.trials import Row, Trial, folder, spread, state_of
from benchmarks.faults.workload import Workload, arrays
from zoo.contracts.entries import Loss
from zoo.registry import Registry
from zoo.runs import Run

DATA, NUMERICS = 3, 7
STEPS = {"first": 1, "middle": 6, "last": 12}
KINDS = {"nan": math.nan, "inf": math.inf}
# What the loss of this process does at which of its calls; a fork has its own.
_plan: dict[str, Any] = {}
_calls = itertools.count(1)


class Poisoned(torch.autograd.Function):
    """The identity, with a gradient that is not finite."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """The values as they are."""
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Another gradient."""
        return gradients[0] * _plan["value"]


def loss() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Cross-entropy that goes wrong once."""

    def compute(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        values = torch.nn.functional.binary_cross_entropy_with_logits(
            prediction, target.to(prediction.dtype), reduction="none"
        )
        if not torch.is_grad_enabled() or next(_calls) != _plan["call"]:
            return values
        return values * _plan["value"] if _plan["where"] == "loss" else Poisoned.apply(values)  # type: ignore[no-any-return,no-untyped-call]

    return compute


ENTRY = Loss(
    name="poisoned",
    factory="benchmarks.faults.poison:loss",
    summary="Cross-entropy that goes wrong once",
    fits=("classes", "binary"),
    expects="logits",
)


def poisoned(workload: Workload) -> Row:
    """N1."""
    acts: list[Callable[[], Trial]] = [
        partial(_in_step, workload, where, kind, when)
        for where in ("loss", "gradient")
        for kind in KINDS
        for when in STEPS
    ]
    acts += [partial(_in_data, workload, column, kind) for column in ("features", "labels") for kind in KINDS]
    title = "NaN and infinity in features, labels, loss and gradient: stopped, and every checkpoint finite"
    return Row.of("N1", title, spread(acts), least=len(acts))


def _in_step(workload: Workload, where: str, kind: str, when: str) -> Trial:
    path = folder() / "run"

    def act() -> None:
        # Two micro-batches a step, of which the first one goes wrong.
        _plan.update(where=where, value=KINDS[kind], call=2 * STEPS[when] - 1)
        workload.registry = Registry([ENTRY], plugins=workload.registry.plugins)
        workload.start(path, loss="poisoned")

    ended = run(act)
    causes = [] if ended.code == NUMERICS else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    causes += (
        []
        if f"step {STEPS[when]}" in ended.said or f"step {STEPS[when] - 1}" in ended.said
        else [f"no step: {ended.said}"]
    )
    causes += [*state_of(path), *not_finite(Run(path).checkpoints_path.rglob("*.safetensors"))]
    shutil.rmtree(path.parent)
    return Trial(f"{kind} in the {where} of the {when} step", causes)


def _in_data(workload: Workload, column: str, kind: str) -> Trial:
    path = folder() / "run"
    content: dict[str, np.ndarray[Any, Any]] = arrays()
    if column == "features":
        content["x"][57, 1] = KINDS[kind]
    else:
        content["y"] = content["y"] + 0.5
        content["y"][57] = KINDS[kind]
    np.savez(path.parent / "rows.npz", **content)
    ended = run(lambda: workload.start(path, data={"name": str(path.parent / "rows.npz")}))
    causes = [] if ended.code in (DATA, NUMERICS) else [f"it ended with {ended.code}: {ended.said[-300:]}"]
    causes += not_finite(Run(path).checkpoints_path.rglob("*.safetensors"))
    shutil.rmtree(path.parent)
    return Trial(f"{kind} in {column}", causes)


def not_finite(files: Iterable[Path]) -> list[str]:
    """Names of the tensors that hold something that is not finite."""
    return [
        f"{file.parent.name}: {name} is not finite"
        for file in files
        for name, tensor in safetensors.torch.load(file.read_bytes()).items()
        if tensor.is_floating_point() and not bool(tensor.isfinite().all())
    ]
