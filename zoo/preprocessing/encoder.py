"""Encodes examples for training with the very graph that ships."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.preprocessing import targets
from zoo.preprocessing.encoding import check_finite
from zoo.preprocessing.graphs import cut, open_session
from zoo.preprocessing.pipeline import Preprocessing
from zoo.preprocessing.ragged import Column, Ragged, take
from zoo.preprocessing.shrinking import shrink_all
from zoo.preprocessing.storage import room
from zoo.preprocessing.text import check_texts
from zoo.runtime.batches import pad

_DTYPES: dict[str, Any] = {
    "number": np.float64,
    "category": object,
    "vector": np.float32,
    "text": object,
    "series": np.float64,
    "latent": np.float32,
}
_CHUNK = 256


@dataclass(frozen=True)
class Encoded:
    """Examples as far as they are encoded once and kept.

    Attributes:
        stored: What a batch is finished from, tensor by tensor.
        carried: By name, what goes past the network to postprocessing.
    """

    stored: tuple[Column, ...]
    carried: Mapping[str, Column]


class Encoder:
    """Runs a preprocessing graph in two parts: what is kept in memory, and what is done for a batch.

    ``finish`` of what ``store`` kept equals the whole graph bit for bit.

    Attributes:
        last_stage: The second part, from what is kept to what a network sees; ``None`` if that is the same.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        raw = [spec.name for spec in preprocessing.raw.inputs]
        encoded = [spec.name for spec in preprocessing.encoded.inputs]
        stored = list(preprocessing.stored)
        kept = list(dict.fromkeys([*stored, *preprocessing.carried]))
        self._names = kept
        self._store = open_session(cut(preprocessing.graph, raw, kept), num_threads=1)
        self.last_stage = None if stored == encoded else cut(preprocessing.graph, stored, encoded)
        self._finish = None if self.last_stage is None else open_session(self.last_stage)

    def store(self, examples: Examples, progress: Callable[[int], None] | None = None) -> Encoded:
        """Encodes all examples as far as is compact: pictures and clips uint8 at the network's size, others fully.

        Args:
            examples: Raw examples.
            progress: Called with how many examples were just done.

        Raises:
            DataError: Pictures or clips cannot be read (all of them are named), or numbers are not finite.
        """
        specs = self._preprocessing.raw.inputs
        if specs[0].kind in ("image", "video"):
            fitted = self._preprocessing.fitted
            num_frames = [fitted["frames"]] if specs[0].kind == "video" else []
            shape = (*num_frames, *fitted["size"], specs[0].shape[-1] or 0)
            images = examples.inputs[specs[0].name]
            columns: Sequence[Column] = shrink_all(
                self._store, specs[0], shape, images, progress, self._preprocessing.sample
            )
        else:
            columns = self._run(examples, progress)
        by_name = dict(zip(self._names, columns, strict=True))
        return Encoded(
            tuple(by_name[name] for name in self._preprocessing.stored),
            {name: by_name[name] for name in self._preprocessing.carried},
        )

    def finish(self, stored: Sequence[Column], rows: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """Encodes some examples of what ``store`` kept to the end: what a network sees."""
        gathered = [take(column, rows) for column in stored]
        if self._finish is None:
            return tuple(gathered)
        return tuple(self._finish.run(None, dict(zip(self._preprocessing.stored, gathered, strict=True))))

    def whole(self, examples: Examples) -> tuple[tuple[NDArray[Any], ...], Mapping[str, NDArray[Any]]]:
        """Encodes a few examples at once: what a network sees, and what goes past it."""
        encoded, rows = self.store(examples), np.arange(len(examples))
        carried = {name: take(column, rows) for name, column in encoded.carried.items()}
        return self.finish(encoded.stored, rows), carried

    def targets(self, examples: Examples, encoded: Encoded) -> tuple[Column, ...]:
        """The truth, as far as it is encoded once and kept; ``finish_targets`` does the rest.

        Raises:
            DataError: A label is unknown, or a value is not a finite number.
        """
        preprocessing = self._preprocessing
        target, fitted = preprocessing.raw.target, preprocessing.fitted["target"]
        carried = {name: take(column, np.arange(len(examples))) for name, column in encoded.carried.items()}
        return targets.encode(target, fitted, examples, carried, encoded.stored[0])

    def finish_targets(self, columns: Sequence[Column], rows: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """The truth of some examples as a loss wants it."""
        return targets.finish(self._preprocessing.raw.target, [take(column, rows) for column in columns])

    def _run(self, examples: Examples, progress: Callable[[int], None] | None) -> Sequence[Column]:
        """The first part over all examples, a chunk at a time so that a long row pads few others."""
        specs = self._preprocessing.raw.inputs
        raw = {spec.name: _column(spec, examples) for spec in specs}
        ragged = {spec.name for spec in self._preprocessing.encoded.inputs if None in spec.shape[:1]}
        parts: list[list[NDArray[Any]]] = []
        wholes: list[NDArray[Any]] = []
        for start in range(0, len(examples), _CHUNK):
            chunk = {name: pad(column[start : start + _CHUNK]) for name, column in raw.items()}
            pieces = self._store.run(None, chunk)
            if ragged:
                parts.append(pieces)
            else:
                wholes = wholes or [room((len(examples), *each.shape[1:]), each.dtype) for each in pieces]
                for whole, piece in zip(wholes, pieces, strict=True):
                    whole[start : start + len(piece)] = piece
            if progress:
                progress(len(pieces[0]))
        return self._joined(parts, ragged) if ragged else wholes

    def _joined(self, parts: Sequence[Sequence[NDArray[Any]]], ragged: set[str]) -> list[Column]:
        by_name = dict(zip(self._names, zip(*parts, strict=True), strict=True))
        lengths = self._lengths(by_name)
        return [
            Ragged.of_padded(pieces, lengths) if name in ragged else np.concatenate(pieces)
            for name, pieces in by_name.items()
        ]

    def _lengths(self, parts: Mapping[str, Sequence[NDArray[Any]]]) -> list[NDArray[np.int64]]:
        """Steps that count: as the graph says, or those that are no padding token."""
        for spec in self._preprocessing.encoded.inputs:
            if spec.kind == "lengths":
                return list(parts[spec.name])
        for spec in self._preprocessing.encoded.inputs:
            if spec.kind == "tokens":
                return [(piece != 0).sum(axis=1) for piece in parts[spec.name]]
        return []


def _column(spec: TensorSpec, examples: Examples) -> Any:
    given = examples.inputs[spec.name]
    if spec.kind == "series" and not isinstance(given, np.ndarray):
        return given
    column = np.asarray(given, _DTYPES[spec.kind])
    if spec.kind == "text":
        check_texts(spec, column, examples.ids)
    elif spec.kind != "category":
        check_finite(spec, column, examples.ids)
    return column
