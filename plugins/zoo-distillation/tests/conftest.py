from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import zoo.plugin
from zoo.plugin import Signature, Target, TensorSpec

SignatureOf = Callable[..., Signature]


@dataclass(frozen=True)
class Run:
    """What a trained run's folder holds, as far as a teacher needs it."""

    module: torch.nn.Module
    signature: Signature


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def signature_of() -> SignatureOf:
    def build(target: Target, *, num_features: int = 4, name: str = "features") -> Signature:
        vector = TensorSpec(name, "vector", "float32", (num_features,))
        return Signature((vector,), target, target.outputs)

    return build


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[torch.nn.Module, Signature], None]:
    """Lets a network stand in the folder runs/big, so that no test has to train a run first."""

    def put(module: torch.nn.Module, signature: Signature) -> None:
        def load_network(path: Path) -> Run:
            assert path == Path("runs/big")
            return Run(module, signature)

        # The attribute is found on first use; asking for it would open the whole trainer.
        monkeypatch.setitem(vars(zoo.plugin), "load_network", load_network)

    return put
