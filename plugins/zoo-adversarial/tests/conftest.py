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
    def build(shape: tuple[int, int, int], *, num_labels: int = 0, latent_size: int = 16) -> Signature:
        channels, *size = shape
        inputs = [TensorSpec("latent", "latent", "float32", (latent_size,))]
        if num_labels:
            inputs.append(TensorSpec("label", "category", "int64", (), num_labels + 2))
        target = Sample(channels, tuple(size))
        return Signature(tuple(inputs), target, target.outputs)

    return build
