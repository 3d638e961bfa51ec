"""A split as the network sees it: stored compactly, gathered by index, finished batch by batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo import data
from zoo.contracts.examples import Batch, Examples
from zoo.contracts.targets import Mask, Sample
from zoo.preprocessing import Encoder, Preprocessing
from zoo.preprocessing.ragged import Column, Ragged, take
from zoo.training.finishing import Step, replay

Gather = Callable[[torch.Tensor], torch.Tensor]
"""From places, int64 ``[batch]``, to what stands there, ``[batch, ...]``, on the network's device."""

_DEVICE_SHARE = 0.25
_BLOCK_SIZE = 4 * 2**20
_MOST_AT_ONCE = 32


class EncodedSplit:
    """Every example of a split, encoded by the graph that ships with the model.

    Attributes:
        truth: The truth as it stands in the data.
        ids: Where each example stands.
        is_ragged: Whether examples differ in length, and batches with them.
    """

    def __init__(self, preprocessing: Preprocessing, examples: Examples, device: torch.device) -> None:
        encoder = Encoder(preprocessing)
        encoded = encoder.store(examples)
        targets = encoder.targets(examples, encoded)
        inputs = [_gather(column, device) for column in encoded.stored]
        if encoder.last_stage is not None:
            (stored,) = inputs
            inputs = [partial(_finished, stored, replay(encoder.last_stage, device))]
        truths = [_gather(column, device) for column in targets]
        if isinstance(preprocessing.raw.target, Mask | Sample):
            truths = [partial(_truth, encoder, column, device) for column in targets]
        self._num_inputs = len(inputs)
        self._gathers = (*inputs, *truths)
        self._carried = encoded.carried
        self._latent = next(
            (place for place, spec in enumerate(preprocessing.encoded.inputs) if spec.kind == "latent"), None
        )
        self.is_ragged = any(isinstance(column, Ragged) for column in (*encoded.stored, *targets))
        self.truth = examples.target
        self.ids: Sequence[str] = examples.ids

    @property
    def draws(self) -> bool:
        """Whether a batch is not complete before something was drawn for it."""
        return self._latent is not None

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: torch.Tensor) -> Batch:
        """The examples at these places, in one gather; the places may lie on the network's device."""
        tensors = [gather(indices) for gather in self._gathers]
        target = tuple(tensors[self._num_inputs :])
        return Batch(tuple(tensors[: self._num_inputs]), target[0] if len(target) == 1 else target)

    def stream(self, places: Iterable[torch.Tensor]) -> Iterator[Batch]:
        """A batch for each of these places, as ``batch`` gives it; small ones are gathered many at once."""
        rest, num_at_once = iter(places), 1
        while block := list(islice(rest, num_at_once)):
            if len(block) == 1:
                batch = self.batch(block[0])
                yield batch
                # Rows of differing lengths are padded batch by batch.
                num_at_once = 1 if self.is_ragged else max(1, min(_MOST_AT_ONCE, _BLOCK_SIZE // batch.nbytes))
            else:
                yield from self.batch(torch.cat(block)).split([len(each) for each in block])

    def cut(self, batch: Batch, num_parts: int, *, seed: int) -> list[Batch]:
        """A batch in so many micro-batches, as a step of training sees them.

        Latent vectors are drawn anew, for the whole batch at once, so that they do not depend on how it
        is cut.
        """
        batches = [batch]
        if num_parts > 1:
            sizes = [len(part) for part in torch.arange(len(batch)).tensor_split(min(num_parts, len(batch)))]
            batches = batch.split(sizes)
        return batches if self._latent is None else self._with_latents(batches, self._latent, seed)

    def carried(self, indices: torch.Tensor) -> dict[str, NDArray[Any]]:
        """What goes past the network to postprocessing, by name."""
        rows = indices.numpy()
        return {name: take(column, rows) for name, column in self._carried.items()}

    def truth_at(self, indices: torch.Tensor) -> Any:
        """The truth of these examples as it stands in the data."""
        rows = indices.numpy()
        return data.take_truth(self.truth, rows)

    def _with_latents(self, batches: Sequence[Batch], place: int, seed: int) -> list[Batch]:
        lengths = [len(batch) for batch in batches]
        size = batches[0].inputs[place].shape[1:]
        drawn = torch.randn((sum(lengths), *size), generator=torch.Generator().manual_seed(seed))
        return [
            Batch(
                (*batch.inputs[:place], part.to(batch.inputs[place].device), *batch.inputs[place + 1 :]),
                batch.target,
            )
            for batch, part in zip(batches, torch.split(drawn, lengths), strict=True)
        ]


def _gather(column: Column, device: torch.device) -> Gather:
    """How examples of a column are fetched: on a GPU it is kept there where it takes a quarter of what is free."""
    if isinstance(column, Ragged):
        return partial(_padded, column, device)
    tensor = torch.from_numpy(np.ascontiguousarray(column))
    if device.type == "cpu":
        return partial(torch.index_select, tensor, 0)
    if device.type == "cuda" and tensor.nbytes <= _DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]:
        return partial(_resident, tensor.to(device))
    return partial(_sent, tensor, device)


def _padded(column: Ragged, device: torch.device, indices: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(column.take(indices.cpu().numpy())).to(device, non_blocking=True)


def _resident(tensor: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    return tensor.index_select(0, indices.to(tensor.device, non_blocking=True))


def _sent(tensor: torch.Tensor, device: torch.device, indices: torch.Tensor) -> torch.Tensor:
    """Through page-locked memory, which a GPU reads while the program goes on."""
    shape = (len(indices), *tensor.shape[1:])
    gathered = torch.empty(shape, dtype=tensor.dtype, pin_memory=device.type == "cuda")
    torch.index_select(tensor, 0, indices.cpu(), out=gathered)
    return gathered.to(device, non_blocking=True)


def _finished(stored: Gather, finish: Step, indices: torch.Tensor) -> torch.Tensor:
    return finish(stored(indices))


def _truth(encoder: Encoder, column: Column, device: torch.device, indices: torch.Tensor) -> torch.Tensor:
    (truth,) = encoder.finish_targets([column], indices.cpu().numpy())
    return torch.from_numpy(truth).to(device, non_blocking=True)
