"""Loops that need nothing but PyTorch: the limit, and the one of its tutorials."""

import itertools

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.loops.works import RATE, Network, Work


def adam(network: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    """Adam with PyTorch's defaults, or fused."""
    return torch.optim.Adam(network.parameters(), lr=RATE, fused=True if fused else None)


def loader(work: Work) -> DataLoader:
    """Shuffled batches, loaded in this process as is fastest for data in memory."""
    return DataLoader(TensorDataset(*work.tensors()), work.batch_size, shuffle=True)


def limit(work: Work, network: Network, *, fused: bool) -> None:
    """A bare loop over batches that are ready, the gradients set to none, nothing logged."""
    network.to(work.device)
    optimizer, cost = adam(network, fused=fused), nn.CrossEntropyLoss()
    x, y = (each.to(work.device) for each in work.tensors())
    order = torch.randperm(len(x), device=work.device)
    batches = list(zip(x[order].split(work.batch_size), y[order].split(work.batch_size), strict=True))
    for inputs, target in itertools.cycle(batches):
        cost(network(inputs), target).backward()
        optimizer.step()
        optimizer.zero_grad()


def tutorial(work: Work, network: Network, *, fused: bool) -> None:
    """PyTorch's quickstart: a data loader, and the loss read every 100 steps."""
    network.to(work.device)
    optimizer, cost, batches = adam(network, fused=fused), nn.CrossEntropyLoss(), loader(work)
    while True:
        network.train()
        for step, (inputs, target) in enumerate(batches):
            loss = cost(network(inputs.to(work.device)), target.to(work.device))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % 100 == 0:
                loss.item()
