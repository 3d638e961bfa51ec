"""What every loop trains: four networks, each with its data; Adam at 1e-3 and cross-entropy everywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.loops.stamps import forward_called

RATE = 1e-3
NUM_WORDS = 1000
_NUM_HELD_OUT = 256


class Network(nn.Module):
    """Says when its forward is called, unless it is to be compiled.

    Attributes:
        says: Whether it does.
    """

    says = True

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[batch, classes]``."""
        if self.says and self.training:
            forward_called()
        return self.layers(x)


class Last(nn.Module):
    """A recurrent network's output at its last step, ``[batch, features]``."""

    def __init__(self, num_inputs: int, num_features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(num_inputs, num_features, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Of ``[batch, length, num_inputs]``."""
        return self.lstm(x)[0][:, -1]


def mlp() -> Network:
    """64-128-128-10."""
    return Network(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn() -> Network:
    """Two convolutions for 28 x 28 pixels and a hidden layer."""
    return Network(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def lstm() -> Network:
    """An embedding of 64, an LSTM of 128 and a linear layer; 0 is padding and 1 unknown."""
    return Network(nn.Embedding(NUM_WORDS + 2, 64), Last(64, 128), nn.Linear(128, 10))


def tiny() -> Network:
    """16-32-4."""
    return Network(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


@dataclass(frozen=True)
class Work:
    """One network with its data.

    Attributes:
        title: For tables.
        network: Builds it.
        kind: What its inputs are: ``"vector"``, ``"image"`` or ``"tokens"``.
        shape: Of one input.
        num_classes: Of the truth.
        batch_size: Examples a step.
        steps_per_epoch: Whole batches in the training split.
        is_short: Whether a step is so short that the clock's tenth percentile is taken; of a long one it is
            the 25th percentile of the process's time.
        num_steps: Steps a round.
        device: Where it is trained.
    """

    title: str
    network: Callable[[], Network]
    kind: str
    shape: tuple[int, ...]
    num_classes: int
    batch_size: int
    steps_per_epoch: int
    is_short: bool
    num_steps: int
    device: str = "cpu"

    @property
    def num_train(self) -> int:
        """Training examples."""
        return self.batch_size * self.steps_per_epoch

    @cached_property
    def raw(self) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        """Inputs and classes, training examples first: each class has a pattern, and there is noise."""
        draw = np.random.default_rng(0)
        total = self.num_train + _NUM_HELD_OUT
        y = draw.integers(0, self.num_classes, total)
        if self.kind == "tokens":
            # Three words of ten come from the tenth of the vocabulary that is the class's own.
            share = NUM_WORDS // self.num_classes
            own = y[:, None] * share + draw.integers(0, share, (total, *self.shape))
            is_own = draw.random((total, *self.shape)) < 0.3
            return np.where(is_own, own, draw.integers(0, NUM_WORDS, (total, *self.shape))), y
        patterns = draw.normal(size=(self.num_classes, *self.shape))
        x = patterns[y] + draw.normal(scale=3.0, size=(total, *self.shape))
        if self.kind == "image":
            return np.clip(128 + 24 * x, 0, 255).astype(np.uint8), y
        return x.astype(np.float32), y

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The training split as the network takes it: standardised numbers, pictures with a channel, tokens."""
        x, y = (each[: self.num_train] for each in self.raw)
        target = torch.from_numpy(y)
        if self.kind == "tokens":
            return torch.from_numpy(x + 2), target
        values = x.astype(np.float64)
        axis = None if self.kind == "image" else 0
        scaled = torch.from_numpy(((values - values.mean(axis)) / values.std(axis)).astype(np.float32))
        return (scaled[:, None] if self.kind == "image" else scaled), target


WORKS = {
    "a": Work("MLP 64-128-128-10, batch 64", mlp, "vector", (64,), 10, 64, 100, True, 500),
    "b": Work("CNN, 28 x 28 pixels, batch 128", cnn, "image", (28, 28), 10, 128, 100, False, 20),
    "c": Work("LSTM, 64 tokens, batch 64", lstm, "tokens", (64,), 10, 64, 100, False, 20),
    "d": Work("MLP 16-32-4, batch 32", tiny, "vector", (16,), 4, 32, 100, True, 500),
    # Blocks of more than 32 MiB, which glibc maps anew each time; for benchmarks.allocation.
    "e": Work("CNN, 28 x 28 pixels, batch 1,024", cnn, "image", (28, 28), 10, 1024, 4, False, 4),
}
COMPARED = ("a", "b", "c", "d")
