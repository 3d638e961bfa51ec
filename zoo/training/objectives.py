"""The built-in objective; others come from plugins."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from zoo.contracts.signature import Batch, Turn, Turns


def supervised(
    models: Mapping[str, torch.nn.Module], batch: Batch, loss: Callable[[Any, torch.Tensor], Any]
) -> Turns:
    """One player learns to answer the target: minimise the mean of ``loss(model(inputs), target)``."""
    yield Turn("model", loss(models["model"](*batch.inputs), batch.target))
