"""The processes that train one network together."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Team:
    """The processes that share every step; one by itself by default.

    Attributes:
        rank: This one's number.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def share(self, indices: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch."""
        return indices.tensor_split(self.size)[self.rank] if self.is_several else indices

    def exchange_after(self, models: Mapping[str, torch.nn.Module], *, is_last: bool) -> None:
        """Says whether gradients are exchanged in the backward pass that comes."""

    def reduce(
        self,
        called: torch.nn.Module,
        gradients: list[torch.Tensor],
        total: torch.Tensor,
        count: torch.Tensor | float,
    ) -> torch.Tensor:
        """Makes gradients of a sum those of the mean over all processes; returns the mean."""
        torch._foreach_div_(gradients, float(count))
        return total / count
