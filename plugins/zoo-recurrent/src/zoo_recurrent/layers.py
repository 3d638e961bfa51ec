"""A layer over whole examples, in one direction or in both, blind to the padding behind them.

Examples are padded at their end, so that what runs forwards never meets padding before a real step. What
runs backwards is given each example turned around within its own length. Nothing is packed: the network
trains in the form that it is exported in.
"""

import torch
from torch import Tensor, nn

from zoo_recurrent.cells import Cell
from zoo_recurrent.running import State, run


class Layer(nn.Module):
    """One recurrent layer of one or two directions (Schuster and Paliwal 1997, doi:10.1109/78.650093).

    Args:
        cell: Makes a layer of one direction.
        num_in: Features of a step.
        num_units: Units of each direction.
        bidirectional: Whether a second direction reads from the end.
        truncation: In training, the state is cut from its past after every so many steps; None never.
    """

    def __init__(
        self, cell: Cell, num_in: int, num_units: int, *, bidirectional: bool, truncation: int | None
    ) -> None:
        super().__init__()
        self.ahead = cell(num_in, num_units)
        self.back = cell(num_in, num_units) if bidirectional else None
        self.truncation = truncation
        self.num_features = num_units * (2 if bidirectional else 1)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """States ``[batch, length, units]`` after each step, those of both directions side by side.

        Args:
            features: ``[batch, length, features]``.
            lengths: How many steps of each example are real, ``[batch]``.
        """
        ahead = self._run(self.ahead, features)
        if self.back is None:
            return ahead
        order = turned(lengths, features.shape[1])
        back = arranged(self._run(self.back, arranged(features, order)), order)
        return torch.cat([ahead, back], dim=-1)

    def _run(self, cell: nn.RNNBase, features: Tensor) -> Tensor:
        if not self.training or self.truncation is None:
            return run(cell, features)[0]
        return run_in_parts(cell, features, self.truncation)


def run_in_parts(cell: nn.RNNBase, features: Tensor, size: int) -> Tensor:
    """The same states as in one go, but no gradient passes from one part of so many steps to the one before."""
    states = []
    state: State = ()
    for part in features.split(size, dim=1):  # type: ignore[no-untyped-call]
        emitted, after = run(cell, part, state)
        state = tuple(each.detach() for each in after)
        states.append(emitted)
    return torch.cat(states, dim=1)


def turned(lengths: Tensor, num_steps: int) -> Tensor:
    """Places ``[batch, length]`` that turn each example around and leave its padding where it is.

    Turned twice, everything is where it was.
    """
    steps = torch.arange(num_steps, device=lengths.device)
    lengths = lengths.unsqueeze(1)
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def arranged(features: Tensor, order: Tensor) -> Tensor:
    """The steps of ``[batch, length, features]`` in the order of places ``[batch, length]``."""
    return features.gather(1, order.unsqueeze(-1).expand_as(features))
