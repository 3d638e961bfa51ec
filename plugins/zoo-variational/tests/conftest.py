from collections.abc import Callable

import pytest
import torch

from zoo.plugin import Sample, Signature, TensorSpec

SignatureOf = Callable[..., Signature]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def signature_of() -> SignatureOf:
    def build(shape: tuple[int, int, int], *, latent_size: int = 4) -> Signature:
        channels, *size = shape
        latent = TensorSpec("latent", "latent", "float32", (latent_size,))
        target = Sample(channels, tuple(size))
        return Signature((latent,), target, target.outputs)

    return build
