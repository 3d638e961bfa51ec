"""Columns of a table: numbers imputed and standardised, categories as numbered or one-hot values.

Numbers become ``(x - mean) / deviation``, computed in double precision. A missing one becomes the mean,
and a column with missing values in training gets a 0/1 indicator behind the numbers. A column that never
varied in training is 0 throughout.

A ``"table"`` has all numbers in one float32 tensor and an int64 tensor for each category column: 0 is
missing, 1 is a value that training has not seen, then the known values in sorted order. In a
``"vector"`` each known value is a 0/1 number, and so is missing where training has seen it; a value that
training has not seen is 0 in all of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.ml.v3 as ml
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.encoding import ENCODED, Encoding, check_finite, encoded_name, moments, reciprocals
from zoo.preprocessing.graphs import build

_MISSING, _UNKNOWN, _FIRST_KNOWN = 0, 1, 2


def fit(specs: Sequence[TensorSpec], train: Examples, kind: str) -> Encoding:
    """Learns means, deviations and known values of the columns and builds the graph.

    Raises:
        DataError: A column has no value at all, or an infinite one.
    """
    numbers = {spec.name: _fit_number(spec, train) for spec in specs if spec.kind == "number"}
    categories = {spec.name: _fit_category(spec, train) for spec in specs if spec.kind == "category"}
    columns = {
        spec.name: spox.argument(spox.Tensor(np.float64 if spec.kind == "number" else str, ("batch",)))
        for spec in specs
    }
    encode = _as_vector if kind == "vector" else _as_table
    outputs, inputs = encode(columns, numbers, categories)
    graph = build(columns, outputs)
    return Encoding(inputs, {"numbers": numbers, "categories": categories}, graph, tuple(outputs))


def _fit_number(spec: TensorSpec, train: Examples) -> dict[str, Any]:
    column = np.asarray(train.inputs[spec.name], np.float64)
    check_finite(spec, column, train.ids)
    missing = np.isnan(column)
    if missing.all():
        raise _all_missing(spec)
    mean, std = moments(f"column {spec.name!r}", column)
    return {"mean": float(mean), "std": float(std), "missing": bool(missing.any())}


def _fit_category(spec: TensorSpec, train: Examples) -> dict[str, Any]:
    found = set(train.inputs[spec.name])
    known = sorted(found - {""})
    if not known:
        raise _all_missing(spec)
    return {"values": known, "missing": "" in found}


def _all_missing(spec: TensorSpec) -> DataError:
    return DataError(
        f"column {spec.name!r} has no value in the training split",
        fix=f'leave it out: data.drop=["{spec.name}"]',
    )


Columns = dict[str, spox.Var]
Statistics = dict[str, dict[str, Any]]
Encoded = tuple[dict[str, spox.Var], tuple[TensorSpec, ...]]


def _as_table(columns: Columns, numbers: Statistics, categories: Statistics) -> Encoded:
    outputs, specs = {}, []
    if numbers:
        name = ENCODED
        outputs[name], width = _scaled(columns, numbers)
        specs.append(TensorSpec(name, "table", "float32", (width,)))
    for column, fitted in categories.items():
        name = encoded_name(column)
        outputs[name], num_values = number_categories(columns[column], fitted["values"])
        specs.append(TensorSpec(name, "table", "int64", (), num_values))
    return outputs, tuple(specs)


def _as_vector(columns: Columns, numbers: Statistics, categories: Statistics) -> Encoded:
    parts = [_scaled(columns, numbers)] if numbers else []
    parts += [_one_hot(columns[column], fitted) for column, fitted in categories.items()]
    name, width = ENCODED, sum(width for _, width in parts)
    vector = op.concat([part for part, _ in parts], axis=1)
    return {name: vector}, (TensorSpec(name, "vector", "float32", (width,)),)


def _scaled(columns: Columns, numbers: Statistics) -> tuple[spox.Var, int]:
    """All number columns, standardised, then their indicators: float32 ``[batch, width]``."""
    means = np.array([fitted["mean"] for fitted in numbers.values()])
    scales = reciprocals(np.array([fitted["std"] for fitted in numbers.values()]))
    flagged = np.flatnonzero([fitted["missing"] for fitted in numbers.values()])
    values = op.concat([_upright(columns[name]) for name in numbers], axis=1)
    missing = op.isnan(values)
    centred = op.sub(op.where(missing, op.constant(value=means), values), op.constant(value=means))
    scaled = op.cast(op.mul(centred, op.constant(value=scales)), to=np.float32)
    if not len(flagged):
        return scaled, len(means)
    indicators = op.gather(op.cast(missing, to=np.float32), _integers(flagged), axis=1)
    return op.concat([scaled, indicators], axis=1), len(means) + len(flagged)


def number_categories(column: spox.Var, known: Sequence[str]) -> tuple[spox.Var, int]:
    """Categories string ``[batch]`` as int64 ``[batch]``, and how many numbers there are.

    0 is a missing one (``""``), 1 one that is not known, then the known ones in their order.
    """
    num_values = _FIRST_KNOWN + len(known)
    numbered = ml.label_encoder(
        column,
        keys_strings=["", *known],
        values_int64s=[_MISSING, *range(_FIRST_KNOWN, num_values)],
        default_int64=_UNKNOWN,
    )
    return numbered, num_values


def _one_hot(column: spox.Var, fitted: dict[str, Any]) -> tuple[spox.Var, int]:
    """float32 0/1 ``[batch, width]``."""
    numbered, num_values = number_categories(column, fitted["values"])
    shown = np.arange(_FIRST_KNOWN, num_values)
    if fitted["missing"]:
        shown = np.append(shown, _MISSING)
    equal = op.equal(_upright(numbered), _integers(shown))
    return op.cast(equal, to=np.float32), len(shown)


def _upright(column: spox.Var) -> spox.Var:
    return op.unsqueeze(column, _integers(np.array([1])))


def _integers(values: NDArray[np.integer[Any]]) -> spox.Var:
    return op.constant(value=values.astype(np.int64))
