"""What the three networks let one choose."""

from dataclasses import dataclass
from typing import Literal

Pooling = Literal["last", "mean", "max", "attention"]
Activation = Literal["tanh", "relu"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options that rnn, lstm and gru share; their meaning is in the factories' docstrings."""

    layers: int
    hidden: int
    embedding: int
    bidirectional: bool
    dropout: float
    word_dropout: float
    pooling: Pooling
    truncation: int | None
    autoregression: int
    tie_weights: bool
