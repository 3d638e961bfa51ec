"""``python -m benchmarks.optimizers [NAME ...]``: whether each optimizer that is installed descends and resumes.

Three questions an optimizer: does it bring half the squared distance from a point down to half of it, does it
descend Rosenbrock's valley, and does a run that a signal or a crash stopped in the middle end in the same
bytes as one that never stopped. What is in the results already is not asked again, unless it is named; all of
it takes about five minutes on two idle cores.
"""

import argparse
import multiprocessing
import os
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine
from benchmarks.resume_matrix import design, trial
from zoo.errors import ZooError
from zoo.options import schema_of
from zoo.registry import Registered, describe
from zoo.testing.optimizers import RATES
from zoo.training.player import has_two_modes

# What has no default: of ranger21 it is the steps of the run.
REQUIRED: Mapping[str, Any] = {"lr": 0.1, "num_iterations": 300}
# What its author gives it to do: rows of a table that is seldom looked up.
SPARSE = "Zoo has no network with sparse gradients, which it is for"
EXCEPTIONS: Mapping[str, str] = {"sparse-adam": SPARSE}
# The constraint keeps each neuron's weights without mean and of length 1, where neither minimum is.
# The other trains those weights alone that are small.
DESCENDS_WITH: Mapping[str, Mapping[str, Any]] = {"nero": {"constraints": False}, "sara": {"threshold": 10.0}}
NUM_STEPS = 300
Named = list[tuple[str, torch.nn.Parameter]]
Cost = Callable[[Named], torch.Tensor]


def main() -> int:
    """Asks what is not known yet, keeps the results; 1 if an optimizer fails that should not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="distribution/name; all by default")
    given = parser.parse_args()
    results = known()
    entries = trial.installed().kind("optimizer")
    wanted = [each.qualified_name for each in entries if is_wanted(each, given.names, results)]
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, trial.prepare) as pool:
        for number, row in enumerate(pool.map(ask, wanted), start=1):
            results[row["optimizer"]] = row
            print(f"{number}/{len(wanted)} {row['optimizer']}: {in_words(row)}", flush=True)
            keep(results)
    print(in_total(results.values()))
    return int(any(row["status"] == "failed" for row in results.values()))


def known() -> dict[str, dict[str, Any]]:
    """The rows that were kept, by qualified name."""
    document = machine.read("optimizers") or {"optimizers": []}
    return {row["optimizer"]: row for row in document["optimizers"]}


def is_wanted(registered: Registered, names: list[str], results: Mapping[str, Any]) -> bool:
    name = registered.qualified_name
    return name in names or registered.entry.name in names if names else name not in results


def ask(name: str) -> dict[str, Any]:
    """One optimizer's row, by its qualified name."""
    warnings.simplefilter("ignore")
    registered = trial.installed().get("optimizer", name)
    reason = registered.entry.unsupported or EXCEPTIONS.get(registered.entry.name, "")
    if reason:
        return {"optimizer": name, "status": "unsupported", "reason": reason}
    try:
        row: dict[str, Any] = {
            "quadratic": descend(registered, square, 0.5),
            "rosenbrock": descend(registered, rosenbrock, 0.1),
            "resumes": resume(registered),
        }
    except (ZooError, Exception) as error:
        return {"optimizer": name, "status": "failed", "reason": describe(error)}
    if row["resumes"]["differing"]:
        return {"optimizer": name, "status": "failed", **row}
    if row["quadratic"] is not None:
        return {"optimizer": name, "status": "passed", **row}
    reason = registered.entry.exempt.get("descends-a-quadratic", "")
    return {"optimizer": name, "status": "exception" if reason else "failed", "reason": reason, **row}


def square(named: Named) -> torch.Tensor:
    """Half the squared distance from a point."""
    draws = torch.Generator().manual_seed(1)
    points = [torch.randn(each.shape, generator=draws) for _, each in named]
    return torch.stack(
        [(each - point).square().sum() / 2 for (_, each), point in zip(named, points, strict=True)]
    ).sum()


def rosenbrock(named: Named) -> torch.Tensor:
    """Rosenbrock's function of each neighbouring pair of the weights' columns."""
    return torch.stack([_valley(each) for _, each in named if each.ndim == 2]).sum()


def _valley(weight: torch.Tensor) -> torch.Tensor:
    left, right = weight[:, :-1], weight[:, 1:]
    return (100 * (right - left.square()).square() + (1 - left).square()).sum()


def descend(registered: Registered, cost: Cost, share: float) -> dict[str, Any] | None:
    """The first learning rate by which the cost falls to a share of what it was; none if it never does."""
    options = schema_of(trial.installed().load(registered)).options
    has_rate = any(option.name == "lr" for option in options)
    for rate in RATES if has_rate else RATES[:1]:
        given = {option.name: REQUIRED[option.name] for option in options if option.is_required}
        # Of those with two groups, both.
        both = [name for name in ("lr", "adamw_lr") if any(option.name == name for option in options)]
        given |= dict.fromkeys(both, rate) if rate is not None else {}
        given |= DESCENDS_WITH.get(registered.entry.name, {})
        # Some raise when their numbers overflow, which a rate that is too high for them leads to.
        with suppress(RuntimeError, ArithmeticError):
            if (fall := _fall(registered, cost, given, share)) is not None:
                return {"lr": rate, **fall}
    return None


def _fall(
    registered: Registered, cost: Cost, given: Mapping[str, Any], share: float
) -> dict[str, Any] | None:
    torch.manual_seed(0)
    shapes = {"first.weight": (4, 3), "first.bias": (4,), "second.weight": (4, 4), "head.weight": (2, 4)}
    named = [(name, torch.nn.Parameter(torch.randn(shape) / 2)) for name, shape in shapes.items()]
    registry = trial.installed()
    arguments = schema_of(registry.load(registered)).arguments(given, where="optimizer.")
    optimizer = registry.build(registered, named, **arguments)
    if has_two_modes(optimizer):
        optimizer.train()

    def closure() -> torch.Tensor:
        for _, parameter in named:
            parameter.grad = torch.zeros_like(parameter)
        value = cost(named)
        value.backward()
        return value

    before = float(closure().detach())
    for step in range(1, NUM_STEPS + 1):
        if registered.entry.needs_closure:  # type: ignore[attr-defined]
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        if (now := float(cost(named).detach())) <= share * before:
            return {"steps": step, "fell_to": round(now / before, 4)}
    return None


def resume(registered: Registered) -> dict[str, Any]:
    """A run stopped by a signal or a crash, one optimizer as the other, against one that never stopped."""
    options = schema_of(trial.installed().load(registered)).options
    required = {option.name: REQUIRED[option.name] for option in options if option.is_required}
    optimizer = {"name": registered.qualified_name, **required}
    values = {"architecture": design.QUICK, "optimizer": optimizer["name"], "schedule": "cosine"}
    place = 5 + zlib.crc32(registered.qualified_name.encode()) % 2  # in the middle
    cell = design.Cell({**values, **design.PLAIN}, "iris", place, {"optimizer": optimizer})
    outcome = trial.attempt(cell, Path())
    return {
        "stopped_by": "crash" if cell.crashes else "signal",
        "differing": [outcome.refused] if outcome.refused else outcome.differing,
    }


def in_words(row: Mapping[str, Any]) -> str:
    """A row for who waits."""
    if "quadratic" not in row:
        return f"{row['status']}: {row['reason']}"
    falls = [f"{name} {row[name]}" for name in ("quadratic", "rosenbrock")]
    return "; ".join([row["status"], *falls, f"differing: {row['resumes']['differing']}"])


def in_total(rows: Iterable[Mapping[str, Any]]) -> str:
    """The figures in one line."""
    counted = totals(list(rows))
    return ", ".join(f"{name} {value}" for name, value in counted.items())


def totals(rows: list[Mapping[str, Any]]) -> dict[str, int]:
    """How many optimizers there are, can be used, descend, and resume bitwise."""
    used = [row for row in rows if row["status"] != "unsupported"]
    asked = [row for row in used if "quadratic" in row]
    return {
        "optimizers": len(rows),
        "unsupported": len(rows) - len(used),
        "used": len(used),
        "quadratic": sum(row["quadratic"] is not None for row in asked),
        "rosenbrock": sum(row["rosenbrock"] is not None for row in asked),
        "resume_bitwise": sum(not row["resumes"]["differing"] for row in asked),
    }


def keep(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the results file."""
    rows = [results[name] for name in sorted(results)]
    note = (
        "quadratic: the first learning rate (null: the default) of those tried by which half the squared distance "
        f"from a point falls to half within {NUM_STEPS} steps; rosenbrock: to a tenth; resumes: a run of a "
        "small network on iris, stopped by a crash or by a signal, against one that never stopped: what is "
        "not the same in every byte."
    )
    machine.keep(
        "optimizers",
        {
            **machine.about("timm", "pytorch-optimizer"),
            "note": note,
            "totals": totals(rows),
            "optimizers": rows,
        },
    )


if __name__ == "__main__":
    sys.exit(main())
