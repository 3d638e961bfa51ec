"""A split as the network sees it: stored compactly, gathered by index, finished batch by batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.contracts.examples import Batch, Examples
from zoo.preprocessing import Encoder, Preprocessing
from zoo.preprocessing.ragged import take


class EncodedSplit:
    """Every example of a split, encoded by the graph that ships with the model.

    Attributes:
        truth: The truth as it stands in the data.
        ids: Where each example stands.
    """

    def __init__(self, preprocessing: Preprocessing, examples: Examples, device: torch.device) -> None:
        self._encoder = Encoder(preprocessing)
        self._device = device
        self._encoded = self._encoder.store(examples)
        self._target = self._encoder.targets(examples, self._encoded)
        self._latent = next(
            (place for place, spec in enumerate(preprocessing.encoded.inputs) if spec.kind == "latent"), None
        )
        self.truth = examples.target
        self.ids: Sequence[str] = examples.ids

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: torch.Tensor) -> Batch:
        """The examples at these places, in one gather."""
        rows = indices.numpy()
        inputs = tuple(self._to_device(array) for array in self._encoder.finish(self._encoded.stored, rows))
        target = tuple(self._to_device(array) for array in self._encoder.finish_targets(self._target, rows))
        return Batch(inputs, target[0] if len(target) == 1 else target)

    def batches(self, indices: torch.Tensor, num_parts: int, *, seed: int) -> list[Batch]:
        """The examples at these places in so many micro-batches, as a step of training sees them.

        Latent vectors are drawn anew, for the whole batch at once, so that they do not depend on how it
        is cut.
        """
        parts = indices.tensor_split(min(num_parts, len(indices)))
        batches = [self.batch(part) for part in parts]
        if self._latent is None:
            return batches
        size = batches[0].inputs[self._latent].shape[1:]
        drawn = torch.randn((len(indices), *size), generator=torch.Generator().manual_seed(seed))
        shares = torch.tensor_split(drawn, min(num_parts, len(indices)))
        return [self._with_latent(batch, share) for batch, share in zip(batches, shares, strict=True)]

    def carried(self, indices: torch.Tensor) -> dict[str, NDArray[Any]]:
        """What goes past the network to postprocessing, by name."""
        rows = indices.numpy()
        return {name: take(column, rows) for name, column in self._encoded.carried.items()}

    def truth_at(self, indices: torch.Tensor) -> Any:
        """The truth of these examples as it stands in the data."""
        rows = indices.numpy()
        if isinstance(self.truth, Mapping):
            return {name: column[rows] for name, column in self.truth.items()}
        return self.truth[rows] if isinstance(self.truth, np.ndarray) else None

    def _with_latent(self, batch: Batch, latent: torch.Tensor) -> Batch:
        inputs = list(batch.inputs)
        assert self._latent is not None
        inputs[self._latent] = latent.to(self._device)
        return Batch(tuple(inputs), batch.target)

    def _to_device(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device, non_blocking=True)
