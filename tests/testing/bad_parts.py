"""Losses, optimizers and the rest, with one fault each."""

import itertools
import os

import numpy as np
import torch
import torchmetrics

from zoo.plugin import Examples, Signature, Splits, TensorSpec, Turn, Values

COUNTER = itertools.count()


def squared():
    return lambda prediction, target: (prediction - target).square()


def untyped_squared(*, weight=1.0):
    return squared()


def reduced():
    return lambda prediction, target: (prediction - target).square().mean()


def lowered():
    return lambda prediction, target: (prediction - target).square() - 1


def misled():
    """Its gradient is half of what it should be."""

    def loss(prediction, target):
        return (prediction.detach() + (prediction - prediction.detach()) / 2 - target).square()

    return loss


def ranked():
    """Later examples count more."""

    def loss(prediction, target):
        return (prediction - target).square() * torch.arange(1, len(target) + 1)[:, None]

    return loss


def social():
    """An example is worth more in bad company."""

    def loss(prediction, target):
        values = (prediction - target).square()
        return values * (1 + values.mean())

    return loss


class Plain(torch.optim.Optimizer):
    """Gradient descent with nothing wrong."""

    def __init__(self, params, lr: float = 0.05):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                self.move(parameter, group)
        return loss

    def move(self, parameter, group):
        if parameter.grad is not None:
            parameter.sub_(group["lr"] * parameter.grad)


class Vectors(Plain):
    """Leaves matrices alone."""

    def move(self, parameter, group):
        if parameter.ndim < 2:
            super().move(parameter, group)


class Large(Plain):
    """Leaves small tensors alone."""

    def move(self, parameter, group):
        if parameter.numel() > 3:
            super().move(parameter, group)


class Amnesiac(Plain):
    """Keeps its momentum beside its state."""

    def __init__(self, params, lr: float = 0.05):
        super().__init__(params, lr)
        self.momentum = {}

    def move(self, parameter, group):
        if parameter.grad is not None:
            before = self.momentum.get(parameter, torch.zeros_like(parameter))
            self.momentum[parameter] = before / 2 + parameter.grad
            parameter.sub_(group["lr"] * self.momentum[parameter])


class Stubborn(Plain):
    """Keeps to the rate that it began with."""

    def move(self, parameter, group):
        super().move(parameter, {"lr": self.defaults["lr"]})


class Greedy(Plain):
    """Shrinks what has no gradient too."""

    def move(self, parameter, group):
        parameter.mul_(1 - group["lr"] / 100)
        super().move(parameter, group)


class Silent(Plain):
    """Does not say what the closure said."""

    def step(self, closure=None):
        super().step(closure)


class Hasty(Plain):
    """Goes twice as far with foreach."""

    def __init__(self, params, lr: float = 0.05, foreach: bool = False):
        super().__init__(params, lr * (2 if foreach else 1))


def counting():
    return lambda step, num_steps: 1 / (1 + next(COUNTER))


def dividing():
    return lambda step, num_steps: 1 - step / (num_steps - 1)


def shy():
    """Leaves the last number as it is."""

    def fill(tensor):
        tensor.view(-1)[:-1].fill_(0.5)

    return fill


def unseeded():
    return lambda tensor: tensor.fill_(int.from_bytes(os.urandom(4), "big") / 2**32)


def error(target):
    return torchmetrics.MeanSquaredError(squared=False)


class Latest(torchmetrics.MeanAbsoluteError):
    """Knows the last batch only."""

    def __init__(self, target):
        super().__init__()

    def update(self, preds, target):
        self.reset()
        super().update(preds, target)


def _splits(columns, target, names=("x",)):
    num_examples = len(target)
    examples = Examples(columns, target, [f"row {place}" for place in range(num_examples)])
    specs = tuple(TensorSpec(name, "number", "float64", ()) for name in names)
    return Splits(Signature(specs, Values(("y",))), examples)


def overfull():
    """A column that its signature does not name."""
    numbers = np.arange(10.0)
    return _splits({"x": numbers, "z": numbers}, numbers[:, None])


def restless():
    numbers = np.frombuffer(os.urandom(40), np.uint32) / 2**32
    return _splits({"x": numbers}, numbers[:, None])


def hollow():
    """A truth that is not known."""
    numbers = np.arange(10.0)
    return _splits({"x": numbers}, np.where(numbers > 7, np.nan, numbers)[:, None])


def endless(models, batch, loss):
    yield Turn("model", loss(models["model"](*batch.inputs), batch.target) + torch.inf)


def detached(models, batch, loss):
    yield Turn("model", loss(models["model"](*batch.inputs).detach(), batch.target))


def noisy(models, batch, loss):
    values = loss(models["model"](*batch.inputs), batch.target)
    yield Turn("model", values + torch.rand_like(values))


def unexported():
    """A file that is no model."""
    return __file__
