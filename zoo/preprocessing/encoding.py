"""What fitting one kind of input yields, and the names its tensors have in the graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.shrinking import Sample

ENCODED = "encoded"
_CHUNK = 2**18
"""Rows that are looked at together, so that what is computed of them stays small beside the data."""


@dataclass(frozen=True)
class Encoding:
    """A fitted graph for one kind of raw input.

    Attributes:
        inputs: The encoded tensors, as a network sees them.
        statistics: What was learned from the training split, as plain data for JSON.
        graph: Raw to encoded.
        stored: Names of the tensors in the graph that are kept in memory for training; what lies
            behind them is computed a batch at a time.
        carried: Names of further outputs of the graph that go past the network to postprocessing.
        sample: Pictures or clips that were brought to size for the statistics.
    """

    inputs: tuple[TensorSpec, ...]
    statistics: dict[str, Any]
    graph: ModelProto
    stored: tuple[str, ...]
    carried: tuple[str, ...] = ()
    sample: Sample | None = None


def encoded_name(name: str) -> str:
    """The encoded tensor's name; in one graph it has to differ from the raw one's."""
    return f"{ENCODED}_{name}"


def check_names(raw: Signature) -> None:
    """Checks that each tensor of the exported model can have a name of its own.

    Raises:
        DataError: An input has no name, or the name of an answer or of another tensor.
    """
    emitted = (spec.name for spec in raw.target.outputs)
    encoded = (encoded_name(spec.name) for spec in raw.inputs)
    taken = {ENCODED, *emitted, *raw.target.answers, *encoded}
    for spec in raw.inputs:
        if not spec.name:
            raise DataError(
                "an input column has no name; the exported model names its inputs after the columns",
                fix="give it a name in the header",
            )
        if spec.name in taken:
            raise DataError(
                f"input {spec.name!r} has the name of another tensor in the exported model",
                fix=f'rename the column, or leave it out: data.drop=["{spec.name}"]',
            )
        taken.add(spec.name)


def check_finite(spec: TensorSpec, values: NDArray[Any], ids: Sequence[str]) -> None:
    """Checks numbers: finite, or missing (NaN) in a column of a table or series.

    Raises:
        DataError: Names the input, the first bad value and where it stands.
    """
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        bad = np.isinf(chunk) if spec.kind in ("number", "series") else ~np.isfinite(chunk)
        if bad.any():
            where = np.argwhere(bad)[0]
            raise DataError(
                f"input {spec.name!r} is {chunk[tuple(where)]} in {ids[start + int(where[0])]}; numbers must be finite",
                fix="correct the value, or leave the cell of a table empty where it is not known",
            )


def moments(what: str, values: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation down the first axis, ignoring NaN; a constant deviates by exactly 0.

    Raises:
        DataError: The values, described by ``what``, are too large for double precision.
    """
    starts = range(0, len(values), _CHUNK)
    chunks = [values[start : start + _CHUNK] for start in starts]
    low = np.nanmin([np.nanmin(chunk, axis=0) for chunk in chunks], axis=0)
    high = np.nanmax([np.nanmax(chunk, axis=0) for chunk in chunks], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        count = sum(np.count_nonzero(~np.isnan(chunk), axis=0) for chunk in chunks)
        mean = sum(np.nansum(chunk, axis=0, dtype=np.float64) for chunk in chunks) / count
        squares = (np.nansum((chunk - mean) ** 2, axis=0) for chunk in chunks)
        std = np.sqrt(sum(squares) / count)
    constant = low == high
    mean, std = np.where(constant, high, mean), np.where(constant, 0.0, std)
    if not np.isfinite(std).all():
        raise DataError(
            f"{what} has values up to {np.nanmax(np.abs([low, high])):g}, too large to standardise",
            fix="express them in another unit, or correct them",
        )
    return mean, std


def reciprocals(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """1/deviation, and 0 for a constant: what never varied in training then has no influence."""
    return np.divide(1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0)
