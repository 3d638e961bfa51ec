"""Series: columns over time as one tensor of steps and features, and how many steps are real.

For a forecast each window is standardised by its own mean and deviation, column by column, so that a
network sees shapes and not levels and follows a series that grows beyond all it has seen (reversible
instance normalisation without its affine part, Kim et al., ICLR 2022, eq. 1-3). Mean and deviation of
the target columns go past the network, to where answers get their unit back. For other targets the
training split's mean and deviation are used, as in a table: there the level may be what tells.

All is computed in double precision. A missing value becomes 0, the mean, and a column with missing values
in training gets a 0/1 indicator behind the values. Steps behind the last one that has a value in any
column are padding: 0 in every feature.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray

from zoo.contracts.examples import Examples
from zoo.contracts.targets import Forecast, Target
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.encoding import Encoding, encoded_name, moments, reciprocals
from zoo.preprocessing.graphs import build

SERIES = encoded_name("series")
LENGTHS = encoded_name("lengths")
LOCATION = encoded_name("location")
SCALE = encoded_name("scale")
NO_DEVIATION = 16 * float(np.finfo(np.float64).eps)
"""A deviation of at most this share of the largest value is the rounding of a constant."""
_LARGEST = 1e150
_TIME, _COLUMN = 1, 2

Statistics = dict[str, dict[str, Any]]


def fit(specs: Sequence[TensorSpec], train: Examples, target: Target) -> Encoding:
    """Learns which columns have gaps, and their statistics where they count, and builds the graph.

    The graph takes float64 ``[batch, length]`` a column, NaN where a value is missing, and gives float32
    ``[batch, length, features]`` and int64 ``[batch]``; for a forecast it also gives location and scale,
    float64 ``[batch, channels]`` in the order of the target.

    Raises:
        DataError: A column has no value in the training split, an infinite one or one too large to
            standardise, has the name of another tensor, or is forecast without being an input.
    """
    _check_names(specs)
    columns = _fit_columns(specs, train)
    raw = {spec.name: spox.argument(spox.Tensor(np.float64, ("batch", "length"))) for spec in specs}
    values = op.concat([_behind(column) for column in raw.values()], axis=_COLUMN)
    if isinstance(target, Forecast):
        outputs = _by_window(values, columns, _places(target, specs))
    else:
        outputs = _by_training(values, columns)
    carried = tuple(name for name in (LOCATION, SCALE) if name in outputs)
    num_features = len(specs) + sum(fitted["missing"] for fitted in columns.values())
    encoded = (
        TensorSpec(SERIES, "series", "float32", (None, num_features)),
        TensorSpec(LENGTHS, "lengths", "int64", ()),
    )
    graph = build(raw, outputs)
    return Encoding(encoded, {"series": columns}, graph, (SERIES, LENGTHS), carried)


def standardise(
    truth: NDArray[np.float64], location: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The truth of a forecast ``[n, horizon, channels]`` in deviations of its window, from its mean.

    Args:
        truth: In its own unit, ``[n, horizon, channels]``.
        location: Mean of each window, ``[n, channels]``.
        scale: Its deviation, ``[n, channels]``.

    Returns:
        float32; infinite where a value is too far from its window for single precision.
    """
    # A trainer stops at what is not finite and names the example, which cannot be named here.
    with np.errstate(over="ignore"):
        return ((truth - location[:, np.newaxis]) / scale[:, np.newaxis]).astype(np.float32)


def _check_names(specs: Sequence[TensorSpec]) -> None:
    for spec in specs:
        if spec.name in (SERIES, LENGTHS, LOCATION, SCALE):
            raise DataError(
                f"input {spec.name!r} has the name of another tensor in the exported model",
                fix=f'rename the column, or leave it out: data.drop=["{spec.name}"]',
            )


def _fit_columns(specs: Sequence[TensorSpec], train: Examples) -> Statistics:
    """Mean and deviation over all real steps, and whether a value is missing in any of them."""
    given = {spec.name: [np.asarray(row, np.float64) for row in train.inputs[spec.name]] for spec in specs}
    for name, rows in given.items():
        _check_values(name, rows, train.ids)
    lengths = [max(map(_num_steps, steps)) for steps in zip(*given.values(), strict=True)]
    columns = {}
    for name, rows in given.items():
        real = np.concatenate([row[:length] for row, length in zip(rows, lengths, strict=True)])
        if np.isnan(real).all():
            raise DataError(
                f"column {name!r} has no value in the training split",
                fix=f'leave it out: data.drop=["{name}"]',
            )
        mean, std = moments(f"column {name!r}", real)
        columns[name] = {"mean": float(mean), "std": float(std), "missing": bool(np.isnan(real).any())}
    return columns


def _num_steps(row: NDArray[np.float64]) -> int:
    """Steps up to the last value that is not missing."""
    present = np.flatnonzero(~np.isnan(row))
    return int(present[-1]) + 1 if len(present) else 0


def _check_values(name: str, rows: Sequence[NDArray[np.float64]], ids: Sequence[str]) -> None:
    for row, where in zip(rows, ids, strict=True):
        bad = row[np.abs(row) > _LARGEST]
        if len(bad):
            what = "too large to standardise" if np.isfinite(bad[0]) else "not finite"
            raise DataError(
                f"column {name!r} is {bad[0]:g} in the series of {where}, {what}",
                fix="correct the value, or leave the cell of a table empty where it is not known",
            )


def _places(target: Forecast, specs: Sequence[TensorSpec]) -> spox.Var:
    names = [spec.name for spec in specs]
    for name in target.names:
        if name not in names:
            raise DataError(
                f"column {name!r} is to be forecast, but its past is not among the inputs {', '.join(names)}",
                fix="a forecast starts from its column's own past: keep the column",
            )
    return _integers([names.index(name) for name in target.names])


def _by_window(values: spox.Var, columns: Statistics, channels: spox.Var) -> dict[str, spox.Var]:
    missing = op.isnan(values)
    location, scale = _window_moments(values, missing)
    standardised = op.div(op.sub(values, _over_time(location)), _over_time(scale))
    carried = {
        LOCATION: op.gather(location, channels, axis=1),
        SCALE: op.gather(scale, channels, axis=1),
    }
    return _features(standardised, missing, columns) | carried


def _by_training(values: spox.Var, columns: Statistics) -> dict[str, spox.Var]:
    means = np.array([fitted["mean"] for fitted in columns.values()])
    scales = reciprocals(np.array([fitted["std"] for fitted in columns.values()]))
    standardised = op.mul(op.sub(values, op.constant(value=means)), op.constant(value=scales))
    return _features(standardised, op.isnan(values), columns)


def _real_steps(missing: spox.Var) -> tuple[spox.Var, spox.Var]:
    """Which steps are no padding, bool ``[batch, length, 1]``, and how many, int64 ``[batch]``."""
    has_value = op.reduce_max(_present(missing), _integers([_COLUMN]), keepdims=1)
    # Counted up, not made by Range: so the shapes of all tensors stay known to readers of the graph.
    numbers = op.cum_sum(op.add(op.mul(has_value, _integer(0)), _integer(1)), _integer(_TIME))
    last = op.reduce_max(op.mul(has_value, numbers), _integers([_TIME]), keepdims=1)
    lengths = op.max([last, _integer(1)])
    return op.less_or_equal(numbers, lengths), op.squeeze(lengths, _integers([_TIME, _COLUMN]))


def _window_moments(values: spox.Var, missing: spox.Var) -> tuple[spox.Var, spox.Var]:
    """Mean and deviation of each window's values, float64 ``[batch, columns]``.

    Values are taken from the smallest one on, which keeps a constant exact and large levels precise.
    """
    time = _integers([_TIME])
    highest = op.reduce_max(op.where(missing, _double(-np.inf), values), time, keepdims=1)
    lowest = op.reduce_min(op.where(missing, _double(np.inf), values), time, keepdims=1)
    count = op.cast(op.reduce_sum(_present(missing), time, keepdims=1), to=np.float64)
    some, count = op.greater(count, _double(0.0)), op.max([count, _double(1.0)])
    highest, lowest = (op.where(some, end, _double(0.0)) for end in (highest, lowest))

    def mean(summands: spox.Var) -> spox.Var:
        return op.div(op.reduce_sum(op.where(missing, _double(0.0), summands), time, keepdims=1), count)

    above = op.sub(values, lowest)
    mean_above = mean(above)
    centred = op.sub(above, mean_above)
    deviation = op.sqrt(mean(op.mul(centred, centred)))
    least = op.mul(op.max([op.abs(lowest), op.abs(highest)]), _double(NO_DEVIATION))
    scale = op.where(op.greater(deviation, least), deviation, _double(1.0))
    return op.squeeze(op.add(lowest, mean_above), time), op.squeeze(scale, time)


def _features(values: spox.Var, missing: spox.Var, columns: Statistics) -> dict[str, spox.Var]:
    """Values, then indicators: float32 ``[batch, length, features]``, 0 in padding; and the lengths."""
    nothing = op.constant(value=np.array(0, np.float32))
    features = op.where(missing, nothing, op.cast(values, to=np.float32))
    flagged = [place for place, fitted in enumerate(columns.values()) if fitted["missing"]]
    if flagged:
        indicators = op.gather(op.cast(missing, to=np.float32), _integers(flagged), axis=_COLUMN)
        features = op.concat([features, indicators], axis=_COLUMN)
    is_real, lengths = _real_steps(missing)
    return {SERIES: op.where(is_real, features, nothing), LENGTHS: lengths}


def _present(missing: spox.Var) -> spox.Var:
    return op.cast(op.not_(missing), to=np.int64)


def _behind(column: spox.Var) -> spox.Var:
    return op.unsqueeze(column, _integers([_COLUMN]))


def _over_time(moment: spox.Var) -> spox.Var:
    return op.unsqueeze(moment, _integers([_TIME]))


def _double(value: float) -> spox.Var:
    return op.constant(value=np.array(value, np.float64))


def _integer(value: int) -> spox.Var:
    return op.constant(value=np.array(value, np.int64))


def _integers(values: Sequence[int]) -> spox.Var:
    return op.constant(value=np.array(values, np.int64))
