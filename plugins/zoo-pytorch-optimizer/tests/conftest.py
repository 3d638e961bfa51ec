import importlib

import pytest
import torch

from zoo_pytorch_optimizer import optimizers


@pytest.fixture
def build():
    def build(name, named_parameters, **options):
        return getattr(optimizers, name)(named_parameters, **options)

    return build


@pytest.fixture
def network():
    """Named parameters of a small network, a cost of them, and what computes gradients anew."""

    def make(seed=0):
        torch.manual_seed(seed)
        module = torch.nn.Sequential(
            torch.nn.Linear(4, 6),
            torch.nn.Tanh(),
            torch.nn.Linear(6, 6),
            torch.nn.Tanh(),
            torch.nn.Linear(6, 2),
        )
        inputs, truth = torch.randn(16, 4), torch.randn(16, 2)

        def closure():
            module.zero_grad()
            cost = (module(inputs) - truth).square().mean()
            cost.backward()
            return cost

        return module, closure

    return make


@pytest.fixture(scope="session", autouse=True)
def imported():
    """The library is imported once, before a test counts its warnings."""
    return importlib.import_module("pytorch_optimizer")
