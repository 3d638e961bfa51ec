"""Which examples a step sees: a pure function of seed, epoch and step."""

import hashlib
from collections.abc import Iterator

import torch


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def epoch_order(num_examples: int, *, seed: int, epoch: int) -> torch.Tensor:
    """A permutation of the examples, int64 ``[num_examples]``."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    return torch.randperm(num_examples, generator=generator)


def num_batches(num_examples: int, batch_size: int) -> int:
    """Steps in one epoch; a last batch of a single example joins the one before it.

    One example alone has no batch statistics, so batch normalisation could not train on it.
    """
    full, rest = divmod(num_examples, batch_size)
    return max(1, full + (rest > 1))


def batch_indices(order: torch.Tensor, batch_size: int, *, first: int = 0) -> Iterator[torch.Tensor]:
    """Indices of each batch of an epoch, from the batch ``first`` on."""
    count = num_batches(len(order), batch_size)
    for batch in range(first, count):
        stop = len(order) if batch == count - 1 else (batch + 1) * batch_size
        yield order[batch * batch_size : stop]
