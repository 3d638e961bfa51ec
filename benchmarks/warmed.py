"""Imported by the process that all trials are forked from: what the exporter prepares once, they all find.

A small network is exported, which fills torch's tables of operators; half the time of a small architecture.
"""

import torch

from benchmarks import facts, trial  # noqa: F401  the trial itself is imported once, too
from zoo.exporting.network import export_network

torch.set_num_threads(1)  # a process with threads is not to be forked
export_network(
    torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    ).eval(),
    facts.signature_of(8),
)
