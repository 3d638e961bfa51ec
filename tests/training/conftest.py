"""Fixtures of the training tests: small networks on iris, one thread."""

import pytest
import torch

import zoo
from tests.training.risky import plugin
from zoo.files import LOCAL, Disk
from zoo.registry import Registry


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(tmp_path, registry):
    """Trains a small network on iris into a folder of ``tmp_path``."""

    def run(name="run", model=None, **keys):
        keys = {"data": "iris", "epochs": 2, "device": "cpu", **keys}
        model = model or {"name": "mlp", "hidden": [8], "dropout": 0.2}
        return zoo.train(model, run=tmp_path / name, registry=registry, **keys)

    return run


class StoppingDisk(Disk):
    """Stops the program at the k-th operation, as a power cut does."""

    class PowerCut(BaseException):
        pass

    def __init__(self, k):
        self.left = k

    def do(self, operation, path, call, **size):
        self.left -= 1
        if self.left == 0:
            raise StoppingDisk.PowerCut
        return LOCAL.do(operation, path, call, **size)


@pytest.fixture
def stopping_disk():
    return StoppingDisk


@pytest.fixture
def risky(registry):
    """What is installed, and networks whose numbers do not stay finite."""
    return Registry(plugins=[*registry.plugins, plugin()])
