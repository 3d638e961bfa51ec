"""Encodes examples for training with the very graph that ships."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.signature import Examples, TensorSpec
from zoo.preprocessing import targets
from zoo.preprocessing.encoding import check_finite
from zoo.preprocessing.graphs import cut, open_session
from zoo.preprocessing.image import shrink_all
from zoo.preprocessing.pipeline import Preprocessing

_DTYPES: dict[str, Any] = {"number": np.float64, "category": object, "vector": np.float32}


class Encoder:
    """Runs a preprocessing graph in two parts: what is kept in memory, and what is done for a batch.

    ``finish(store(examples))`` equals the whole graph bit for bit.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        raw = [spec.name for spec in preprocessing.raw.inputs]
        encoded = [spec.name for spec in preprocessing.encoded.inputs]
        stored = list(preprocessing.stored)
        self._store = open_session(cut(preprocessing.graph, raw, stored), num_threads=1)
        self._finish = None if stored == encoded else open_session(cut(preprocessing.graph, stored, encoded))

    def store(
        self, examples: Examples, progress: Callable[[int], None] | None = None
    ) -> tuple[NDArray[Any], ...]:
        """Encodes all examples as far as is compact: pictures uint8 at the network's size, others fully.

        Args:
            examples: Raw examples.
            progress: Called with how many examples were just done.

        Returns:
            Arrays with the examples along the first axis.

        Raises:
            DataError: Pictures cannot be read (all of them are named), or numbers are not finite.
        """
        specs = self._preprocessing.raw.inputs
        if specs[0].kind == "image":
            images = examples.inputs[specs[0].name]
            height, width = self._preprocessing.fitted["size"]
            return (shrink_all(self._store, specs[0], (height, width), images, progress),)
        stored = self._store.run(None, {spec.name: _column(spec, examples) for spec in specs})
        if progress:
            progress(len(examples))
        return tuple(stored)

    def finish(self, stored: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
        """Encodes a batch of what ``store`` returned to the end: what a network sees."""
        if self._finish is None:
            return stored
        feed = dict(zip(self._preprocessing.stored, stored, strict=True))
        return tuple(self._finish.run(None, feed))

    def targets(self, examples: Examples) -> NDArray[Any]:
        """The truth: int64 ``[n]`` for classes, float32 ``[n]`` or ``[n, ...]`` for the others.

        Raises:
            DataError: A label is unknown, or a value is not a finite number.
        """
        preprocessing = self._preprocessing
        return targets.encode(preprocessing.raw.target, preprocessing.fitted["target"], examples)


def _column(spec: TensorSpec, examples: Examples) -> NDArray[Any]:
    column = np.asarray(examples.inputs[spec.name], _DTYPES[spec.kind])
    if spec.kind != "category":
        check_finite(spec, column, examples.ids)
    return column
