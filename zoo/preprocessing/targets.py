"""The truth as a loss wants it: indices, 0/1, or standardised values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.signature import Binary, Classes, Examples, Labels, Target, Values
from zoo.errors import DataError, did_you_mean
from zoo.preprocessing.encoding import moments


def fit(target: Target, train: Examples, link: str = "identity") -> dict[str, Any]:
    """Learns how to standardise values; other targets need nothing.

    Args:
        target: What is to be predicted.
        train: The training split.
        link: ``"identity"``: values are ``mean + std * score``; ``"log"``: ``mean * exp(score)``.

    Raises:
        DataError: A value is not finite or, for ``"log"``, negative.
    """
    if not isinstance(target, Values):
        return {}
    values = _values(target, train)
    mean, std = moments("the target", values)
    if link == "log":
        _require_counts(target, train, values)
        return {"link": link, "mean": np.where(mean > 0, mean, 1.0).tolist()}
    # A value that never varies stays as it is, less its mean; there is nothing to divide by.
    return {"link": link, "mean": mean.tolist(), "std": np.where(std > 0, std, 1.0).tolist()}


def encode(target: Target, fitted: dict[str, Any], examples: Examples) -> NDArray[Any]:
    """Encodes the truth of all examples.

    Returns:
        int64 ``[n]`` for classes; float32 ``[n]`` for binary, ``[n, labels]`` for labels, and
        ``[n, values]``, standardised or relative to their mean, for values.

    Raises:
        DataError: A label is unknown, or a value is not a finite number.
    """
    match target:
        case Classes(labels=labels):
            return _indices(labels, examples)
        case Binary(labels=labels):
            return _indices(labels, examples).astype(np.float32)
        case Labels():
            return np.asarray(examples.target, np.float32)
        case Values():
            return _standardise(_values(target, examples), fitted).astype(np.float32)
        case _:
            raise TypeError(f"{type(target).__name__} is not a target")


def _standardise(values: NDArray[np.float64], fitted: dict[str, Any]) -> NDArray[np.float64]:
    mean = np.array(fitted["mean"], np.float64)
    if fitted["link"] == "log":
        return values / mean
    return (values - mean) / np.array(fitted["std"], np.float64)


def _require_counts(target: Values, train: Examples, values: NDArray[np.float64]) -> None:
    if (values < 0).any():
        row, column = np.argwhere(values < 0)[0]
        raise DataError(
            f"target {target.names[column]!r} is {values[row, column]:g} in {train.ids[row]}; "
            "this loss is for counts, which are never negative",
            fix="use another loss, for example loss=mean-squared-error",
        )


def _indices(labels: tuple[str, ...], examples: Examples) -> NDArray[np.int64]:
    places = {label: place for place, label in enumerate(labels)}
    try:
        return np.fromiter((places[label] for label in examples.target), np.int64, len(examples))
    except KeyError as error:
        (unknown,) = error.args
        where = examples.ids[list(examples.target).index(unknown)]
        raise DataError(
            f"label {str(unknown)!r} in {where} is not one of the {len(labels)} labels of the training data",
            fix=did_you_mean(str(unknown), labels),
        ) from None


def _values(target: Values, examples: Examples) -> NDArray[np.float64]:
    values = np.asarray(examples.target, np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"target {target.names[column]!r} is {values[row, column]} in {examples.ids[row]}; "
            "what is to be predicted must be a finite number",
            fix="correct the value, or remove the row",
        )
    return values
