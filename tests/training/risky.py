"""Networks whose numbers leave the finite for the rows that are marked."""

import math
from pathlib import Path

import numpy as np
import torch

from zoo.contracts.entries import Architecture
from zoo.registry import Plugin, Registry
from zoo.training import session
from zoo.training.progress import Lines


class Overflowing(torch.nn.Module):
    """Multiplies marked rows by infinity: finite data, and a forward pass that is not."""

    def __init__(self, signature):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)
        self.risky = Risky()
        self.head = torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.head(self.risky(self.norm(x), x))


class Risky(torch.nn.Module):
    def forward(self, x, raw):
        return x * torch.where(raw[:, 1:] > 3, math.inf, 1.0)


class GradientOnly(torch.nn.Module):
    """A finite answer whose gradient is not finite for marked rows."""

    def __init__(self, signature):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)
        self.head = torch.nn.Linear(2, 1)

    def forward(self, x):
        scores = self.head(self.norm(x))
        return torch.where(x[:, 1:] > 3, (scores - scores.detach()).abs().sqrt(), scores)


def plugin():
    """Both networks, as a plugin would offer them."""
    entries = tuple(
        Architecture(
            name=name, factory=f"{__name__}:{built}", summary="", accepts=("vector",), predicts=("values",)
        )
        for name, built in (("overflowing", "Overflowing"), ("gradient-only", "GradientOnly"))
    )
    return Plugin("risky", "1.0", __name__, entries)


def train(path, keys):
    """Trains one of them; in each of several processes, too. What is skipped is said."""
    registry = Registry.discover()
    registry = Registry(plugins=[*registry.plugins, plugin()])
    session.start(keys, run_path=Path(path), registry=registry, progress=Lines(print))


def write(folder, marked=()):
    random = np.random.default_rng(1)
    x = random.normal(size=(60, 2)).clip(-2, 2).astype(np.float32)
    x[list(marked), 1] = 1000
    y = (x[:, 0] * 2).astype(np.float64)
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_val=x[:9], y_val=y[:9], x_test=x[:9], y_test=y[:9])
    return str(folder / "data.npz")
