"""Examples, splits, batches and turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.contracts.signature import Signature


@dataclass(frozen=True)
class Examples:
    """Raw examples, column by column.

    Attributes:
        inputs: For each raw input a NumPy array with the examples along the first axis or, where sizes
            vary, a sequence with one array an example.
        target: The truth: label strings ``[n]`` for classes and binary; bool ``[n, labels]`` for labels,
            or float64 with NaN where some are not known; float64 ``[n, values]`` for values; float64
            ``[n, horizon, channels]`` for a forecast; one ``Objects`` an example for boxes; one
            uint8 ``[height, width]`` an example for masks, the places of the labels and 255 where it is
            not known; pictures, as an input has them, for samples; a dict of the parts' truth by name for several; the texts
            themselves for tokens.
        ids: Where each example stands (file, or file and line), for messages.
    """

    inputs: dict[str, Any]
    target: Any
    ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Objects:
    """What is in one picture.

    Attributes:
        labels: One label an object.
        boxes: float64 ``[objects, 4]``: left, top, right, bottom in pixels of the picture.
        crowd: Bool ``[objects]``: whether a box holds a crowd, which is neither learned nor counted as missed.
    """

    labels: tuple[str, ...]
    boxes: Any
    crowd: Any


@dataclass(frozen=True)
class Timeline:
    """Where each example's truth stands in time, so that splits are cut there and never shuffled.

    Attributes:
        first: Place of the first moment that is to be predicted, one an example, ascending.
        last: Place of the last one.
        length: Number of moments in all.
    """

    first: Sequence[int]
    last: Sequence[int]
    length: int


@dataclass(frozen=True)
class Splits:
    """A data set: its signature and its splits; what is ``None`` is split off.

    By the seed, or, where the examples of ``train`` have a ``timeline``, its last part.
    """

    signature: Signature
    train: Examples
    validation: Examples | None = None
    test: Examples | None = None
    timeline: Timeline | None = None


@dataclass(frozen=True)
class Batch:
    """Encoded examples: tensors with the batch along the first axis.

    Attributes:
        inputs: What the answering network takes.
        target: The encoded truth: a tensor, or a tuple of them for boxes and for several targets.
    """

    inputs: tuple[Any, ...]
    target: Any

    def __len__(self) -> int:
        return len(self.inputs[0])

    @property
    def nbytes(self) -> int:
        """What its tensors take."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def tensors(self) -> tuple[Any, ...]:
        """All of them: the inputs, and the target or its parts."""
        return (*self.inputs, *self._targets)

    @property
    def _targets(self) -> tuple[Any, ...]:
        return self.target if isinstance(self.target, tuple) else (self.target,)

    def split(self, sizes: list[int]) -> list["Batch"]:
        """Views of so many examples each, in order."""
        columns = [tensor.split(sizes) for tensor in self.tensors]
        num_inputs = len(self.inputs)
        return [
            Batch(parts[:num_inputs], parts[num_inputs:] if isinstance(self.target, tuple) else parts[-1])
            for parts in zip(*columns, strict=True)
        ]


@dataclass(frozen=True)
class Turn:
    """One player's update: ``loss`` is unreduced values, or ``(values, weights)``."""

    player: str
    loss: Any


Turns = Iterator[Turn]
