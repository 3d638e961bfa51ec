"""A split as the network sees it: stored compactly, gathered by index, finished batch by batch."""

from collections.abc import Sequence

import torch

from zoo.contracts.signature import Batch, Examples
from zoo.preprocessing import Encoder


class EncodedSplit:
    """Every example of a split, encoded by the graph that ships with the model.

    Attributes:
        target: Encoded truth, the examples along the first axis.
        truth: The truth as it stands in the data.
        ids: Where each example stands.
    """

    def __init__(self, encoder: Encoder, examples: Examples, device: torch.device) -> None:
        self._encoder = encoder
        self._device = device
        self._stored = tuple(torch.from_numpy(array) for array in encoder.store(examples))
        self.target = torch.from_numpy(encoder.targets(examples))
        self.truth = examples.target
        self.ids: Sequence[str] = examples.ids

    def __len__(self) -> int:
        return len(self.target)

    def batch(self, indices: torch.Tensor) -> Batch:
        """The examples at these places, in one gather."""
        gathered = tuple(stored.index_select(0, indices).numpy() for stored in self._stored)
        inputs = tuple(
            torch.from_numpy(array).to(self._device, non_blocking=True)
            for array in self._encoder.finish(gathered)
        )
        return Batch(inputs, self.target.index_select(0, indices).to(self._device, non_blocking=True))
