"""From the states after every step to one vector an example; padding has no part in it."""

import math

import torch
from torch import Tensor, nn

from zoo_recurrent.options import Pooling


class Last(nn.Module):
    """The state after all of an example: forwards at its last step and, of two directions, backwards at its first."""

    def __init__(self, num_features: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.num_ahead = num_features // 2 if bidirectional else num_features

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """``[batch, units]`` of states ``[batch, length, units]``."""
        ahead = states[..., : self.num_ahead]
        places = (lengths - 1).reshape(-1, 1, 1).expand(-1, 1, self.num_ahead)
        return torch.cat([ahead.gather(1, places).squeeze(1), states[:, 0, self.num_ahead :]], dim=-1)


class Mean(nn.Module):
    """The mean over the real steps."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """``[batch, units]`` of states ``[batch, length, units]``."""
        total = states.masked_fill(is_padding(states, lengths), 0.0).sum(1)
        return total / lengths.unsqueeze(1).to(states.dtype)


class Maximum(nn.Module):
    """The largest value of each unit over the real steps (Conneau et al. 2017, arXiv:1705.02364)."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """``[batch, units]`` of states ``[batch, length, units]``."""
        return states.masked_fill(is_padding(states, lengths), -math.inf).amax(1)


class Attention(nn.Module):
    """A mean with learned weights: ``softmax(v · tanh(W h + b))`` over the real steps.

    The additive attention of Bahdanau, Cho and Bengio 2014 (arXiv:1409.0473, appendix A.1.2) without a
    decoder's state, as Yang et al. 2016 (doi:10.18653/v1/N16-1174, equations 5 to 7) pool words.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(num_features, num_features)
        self.context = nn.Linear(num_features, 1, bias=False)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """``[batch, units]`` of states ``[batch, length, units]``."""
        return (self.weights(states, lengths).unsqueeze(-1) * states).sum(1)

    def weights(self, states: Tensor, lengths: Tensor) -> Tensor:
        """How much each step counts, ``[batch, length]``; 0 for padding, 1 in all for an example."""
        scores = self.context(self.hidden(states).tanh())
        weights: Tensor = scores.masked_fill(is_padding(states, lengths), -math.inf).squeeze(-1).softmax(1)
        return weights


def is_padding(states: Tensor, lengths: Tensor) -> Tensor:
    """Whether a step is behind its example's end, ``[batch, length, 1]``."""
    steps = torch.arange(states.shape[1], device=states.device)
    return (steps >= lengths.unsqueeze(1)).unsqueeze(-1)


def pooling_of(pooling: Pooling, num_features: int, *, bidirectional: bool) -> nn.Module:
    """The module for a name."""
    if pooling == "last":
        return Last(num_features, bidirectional=bidirectional)
    if pooling == "attention":
        return Attention(num_features)
    return Mean() if pooling == "mean" else Maximum()
