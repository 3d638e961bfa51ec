"""Turns the arrays and lists of a caller into the raw columns that a model takes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, did_you_mean
from zoo.runtime.batches import Array, Column

RAW_KINDS = frozenset({"category", "image", "latent", "number", "series", "text", "vector", "video"})
"""What a raw input can be."""


def conform(inputs: Any, signature: Signature, missing: Collection[str] = ("",)) -> dict[str, Column]:
    """The raw columns of `signature`, by name.

    Args:
        inputs: A mapping from input name to values (further names are ignored), or the values alone
            where the model has one input. Values are an array with the examples along the first axis, a
            list, or a single picture, clip or vector.
        signature: The model's raw inputs.
        missing: Texts that stand for a missing category, as do None and NaN.

    Raises:
        DataError: A column is missing, or has another type or shape than the model takes.
    """
    if isinstance(inputs, Mapping):
        given = {spec.name: _column(inputs, spec.name) for spec in signature.inputs}
    elif len(signature.inputs) == 1:
        given = {signature.inputs[0].name: inputs}
    else:
        names = ", ".join(spec.name for spec in signature.inputs)
        raise DataError(
            f"the model takes {len(signature.inputs)} columns ({names}), found one {type(inputs).__name__}",
            fix="give a dict from column name to values, a polars DataFrame, or the path of a table",
        )
    conformers = {
        "image": _images,
        "video": _images,
        "number": _numbers,
        "vector": _vectors,
        "latent": _latents,
        "text": _texts,
        "series": _series,
    }
    return {
        spec.name: _categories(given[spec.name], spec, missing)
        if spec.kind == "category"
        else conformers[spec.kind](given[spec.name], spec)
        for spec in signature.inputs
    }


def typed(columns: Mapping[str, Any], signature: Signature) -> dict[str, Column]:
    """Raw columns with the very types that the file takes; pictures and clips that are not one array stay as they are."""
    return {
        spec.name: columns[spec.name]
        if spec.kind in ("image", "video")
        or (spec.kind == "series" and not isinstance(columns[spec.name], np.ndarray))
        else np.asarray(columns[spec.name], object if spec.dtype == "string" else spec.dtype)
        for spec in signature.inputs
    }


def _column(inputs: Mapping[str, Any], name: str) -> Any:
    if name not in inputs:
        given = [str(key) for key in inputs]
        raise DataError(f"column {name!r} is missing", fix=f"among those given, {did_you_mean(name, given)}")
    return inputs[name]


def describe(spec: TensorSpec) -> str:
    """An input's type and shape in words, with the batch first."""
    shape = ", ".join(("batch", *("any" if size is None else str(size) for size in spec.shape)))
    return f"{spec.dtype} [{shape}]"


def _mismatch(spec: TensorSpec, found: str) -> DataError:
    return DataError(f"input {spec.name!r}: expected {describe(spec)}, found {found}")


def _found(array: Array) -> str:
    return f"{array.dtype} [{', '.join(map(str, array.shape))}]"


def _fits(shape: tuple[int, ...], spec: TensorSpec) -> bool:
    return len(shape) == len(spec.shape) and all(
        size > 0 and allowed in (None, size) for size, allowed in zip(shape, spec.shape, strict=True)
    )


def _stack(array: Array, spec: TensorSpec) -> Array:
    """A single example gets its batch axis."""
    return array[np.newaxis] if array.ndim == len(spec.shape) else array


def _images(values: Any, spec: TensorSpec) -> Column:
    if isinstance(values, np.ndarray):
        stacked = _stack(values, spec)
        if stacked.dtype != np.uint8 or not _fits(stacked.shape[1:], spec):
            raise _mismatch(spec, _found(values))
        return stacked
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise _mismatch(spec, type(values).__name__)
    pictures = [np.asarray(picture) for picture in values]
    for index, picture in enumerate(pictures):
        if picture.dtype != np.uint8 or not _fits(picture.shape, spec):
            what = "picture" if spec.kind == "image" else "clip"
            raise _mismatch(spec, f"{_found(picture)} as {what} {index}")
    return pictures


def _vectors(values: Any, spec: TensorSpec) -> Array:
    try:
        vectors = np.asarray(values)
    except ValueError:
        raise _mismatch(spec, "vectors of differing lengths") from None
    stacked = _stack(vectors, spec)
    if vectors.dtype.kind not in "biuf" or not _fits(stacked.shape[1:], spec):
        raise _mismatch(spec, _found(vectors))
    return stacked.astype(np.float32)


def _latents(values: Any, spec: TensorSpec) -> Array:
    vectors = _vectors(values, spec)
    bad = np.flatnonzero(~np.isfinite(vectors).reshape(len(vectors), -1).all(axis=1))
    if len(bad):
        raise DataError(
            f"input {spec.name!r}: vector {bad[0]} holds a number that is not finite",
            fix="draw latent vectors from N(0, 1), or use --samples",
        )
    return vectors


def _texts(values: Any, spec: TensorSpec) -> Array:
    given = [values] if isinstance(values, str) else values
    if not isinstance(given, Sequence | np.ndarray):
        raise _mismatch(spec, type(values).__name__)
    for row, text in enumerate(given):
        if not isinstance(text, str):
            raise _mismatch(spec, f"{type(text).__name__} {text!r} in row {row}")
        require_unicode(text, f"text {row}")
    return np.array(list(given), dtype=object)


def require_unicode(text: str, where: str) -> None:
    """Refuses what no encoding can write, and what no model was given in training.

    Raises:
        DataError: The text holds half a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: character {error.start} (U+{ord(text[error.start]):04X}) is half a surrogate pair",
            fix="decode the text with the encoding that it was written in",
        ) from error


def _series(values: Any, spec: TensorSpec) -> Column:
    """One array a series, or one array ``[examples, steps]``; a single series gets its batch axis."""
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray) or not len(values):
        raise _mismatch(spec, type(values).__name__)
    is_single = np.ndim(values[0]) == 0
    rows = [np.asarray(row) for row in ([values] if is_single else values)]
    for place, row in enumerate(rows):
        if row.ndim != 1 or not len(row) or row.dtype.kind not in "biuf":
            raise _mismatch(spec, f"{_found(row)} as series {place}")
        if np.isinf(row.astype(np.float64)).any():
            raise DataError(
                f"column {spec.name!r}, series {place}: holds a number that is not finite",
                fix="give NaN for a missing value",
            )
    doubles = [row.astype(np.float64) for row in rows]
    return np.stack(doubles) if len({len(row) for row in doubles}) == 1 else doubles


def _numbers(values: Any, spec: TensorSpec) -> Array:
    numbers = _flat(values, spec)
    if numbers.dtype.kind not in "biuf":
        for row, value in enumerate(numbers):
            if value is not None and not isinstance(value, bool | int | float | np.number | np.bool_):
                raise _mismatch(spec, f"{type(value).__name__} {value!r} in row {row}")
    numbers = numbers.astype(np.float64)
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        raise DataError(
            f"column {spec.name!r}, row {infinite[0]}: {numbers[infinite[0]]} is not a finite number",
            fix="give NaN for a missing value",
        )
    return numbers


def _categories(values: Any, spec: TensorSpec, missing: Collection[str]) -> Array:
    texts = [_text(value, spec, row) for row, value in enumerate(_flat(values, spec))]
    return np.array(["" if text in missing else text for text in texts], dtype=object)


def _flat(values: Any, spec: TensorSpec) -> Array:
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
        raise _mismatch(spec, type(values).__name__)
    is_text = spec.kind == "category"
    array = np.array(values, dtype=object) if is_text or not isinstance(values, np.ndarray) else values
    if array.ndim != 1:
        raise _mismatch(spec, _found(array))
    return array


def _text(value: Any, spec: TensorSpec, row: int) -> str:
    """A category as the reader of tables spells it."""
    if isinstance(value, str):
        return str(value).strip()
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | float | np.integer | np.floating):
        return str(int(value)) if value == int(value) else str(value)
    raise _mismatch(spec, f"{type(value).__name__} {value!r} in row {row}")
