"""The truth as a loss wants it: indices, 0/1, standardised values, the next tokens, boxes, masks, or pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.examples import Examples
from zoo.contracts.targets import (
    UNKNOWN_PIXEL,
    Binary,
    Boxes,
    Classes,
    Forecast,
    Labels,
    Mask,
    Sample,
    Several,
    Target,
    Tokens,
    Values,
    part_name,
)
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import part_of
from zoo.errors import DataError, did_you_mean
from zoo.preprocessing import image, series
from zoo.preprocessing.encoding import Encoding, moments
from zoo.preprocessing.framing import nearest
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.ragged import Column, Ragged
from zoo.preprocessing.shrinking import shrink_all
from zoo.preprocessing.storage import room

Fitted = dict[str, Any]
UNKNOWN_CLASS = -100
"""Index of a class that is not known; torch's own losses leave it out by default."""
_NO_OBJECT = -1
_HALF_RANGE = 127.5


def fit(
    target: Target, train: Examples, encoding: Encoding, geometry: image.Geometry, link: str
) -> tuple[Target, Fitted]:
    """Learns what the truth needs: how values are standardised, the vocabulary, the size of samples.

    Args:
        target: What is to be predicted.
        train: The training split.
        encoding: The fitted inputs.
        geometry: The size that was asked for.
        link: ``"identity"``: values are ``mean + std * score``; ``"log"``: ``mean * exp(score)``.

    Returns:
        The target, complete, and what was learned.

    Raises:
        DataError: A value is not finite or, for ``"log"``, negative.
    """
    match target:
        case Values():
            return target, _fit_values(target, train, link)
        case Tokens():
            return replace(target, vocabulary=tuple(encoding.statistics["vocabulary"])), {}
        case Sample():
            size = image.choose_size(train.target, geometry)
            return replace(target, size=size), {"size": list(size), "fit": geometry.fit}
        case Mask():
            return target, {"size": encoding.statistics["size"], "fit": geometry.fit}
        case Several(parts=parts):
            fitted = [_fit_part(part, part_of(train, part)) for part in parts]
            return target, {"parts": dict(zip(target.names, fitted, strict=True))}
    return target, {}


def encode(
    target: Target,
    fitted: Fitted,
    examples: Examples,
    carried: Mapping[str, NDArray[Any]],
    first: Column,
) -> tuple[Column, ...]:
    """Encodes the truth of all examples as far as it is kept in memory.

    Args:
        target: What is to be predicted.
        fitted: What ``fit`` learned.
        examples: Raw examples.
        carried: What the inputs' graph says of each example besides: sizes, windows.
        first: The first encoded input, from which the next tokens are read.

    Returns:
        int64 ``[n]`` for classes; float32 ``[n]`` for binary, ``[n, labels]`` for labels, ``[n, values]``,
        standardised or relative to their mean, for values; int64 rows for tokens; float32
        ``[n, horizon, channels]`` for a forecast; rows of labels and rows of boxes for boxes; uint8
        ``[n, height, width]`` at the network's size for masks; uint8 pictures for samples; one column a
        part for several.

    Raises:
        DataError: A label is unknown, or a value is not a finite number.
    """
    match target:
        case Classes(labels=labels):
            return (_indices(labels, examples),)
        case Binary(labels=labels):
            indices = _indices(labels, examples)
            return (np.where(indices == UNKNOWN_CLASS, np.nan, indices).astype(np.float32),)
        case Labels():
            return (np.asarray(examples.target, np.float32),)
        case Values():
            return (_standardise(_values(target, examples), fitted).astype(np.float32),)
        case Tokens():
            return (_next_tokens(first),)
        case Forecast():
            location, scale = carried[series.LOCATION], carried[series.SCALE]
            return (series.standardise(np.asarray(examples.target, np.float64), location, scale),)
        case Boxes() | Mask() | Sample():
            return _of_pictures(target, fitted, examples, carried)
        case Several(parts=parts):
            return tuple(
                _encode_part(part, fitted["parts"][part_name(part)], part_of(examples, part))
                for part in parts
            )
    raise TypeError(f"{type(target).__name__} is not a target")


def finish(target: Target, columns: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Some examples of what ``encode`` kept, as a loss wants them.

    Pictures lie in [-1, 1], the labels of masks are int64 with ``UNKNOWN_CLASS``; the rest is as it is.
    """
    if isinstance(target, Mask):
        places = columns[0].astype(np.int64)
        return (np.where(places == UNKNOWN_PIXEL, UNKNOWN_CLASS, places),)
    if isinstance(target, Sample):
        pictures = np.ascontiguousarray(columns[0].transpose(0, 3, 1, 2), np.float32)
        return (pictures / np.float32(_HALF_RANGE) - np.float32(1),)
    return tuple(columns)


def _of_pictures(
    target: Boxes | Mask | Sample,
    fitted: Fitted,
    examples: Examples,
    carried: Mapping[str, NDArray[Any]],
) -> tuple[Column, ...]:
    if isinstance(target, Boxes):
        return _objects(target.labels, examples, carried[image.RATIO])
    if isinstance(target, Mask):
        return (_masks(target, fitted, examples, carried[image.GIVEN_SIZE]),)
    return (_shrunk(target, fitted, examples),)


def _fit_part(part: Target, train: Examples) -> Fitted:
    """What one of several targets needs; its truth may be missing (NaN) where the others' is not."""
    if not isinstance(part, Values):
        return {}
    return _moments(np.asarray(train.target, np.float64).reshape(len(train), -1))


def _encode_part(part: Target, fitted: Fitted, examples: Examples) -> Column:
    if isinstance(part, Values):
        values = np.asarray(examples.target, np.float64).reshape(len(examples), -1)
        return _standardise(values, fitted).astype(np.float32)
    (column,) = encode(part, fitted, examples, {}, np.empty(0))
    return column


def _fit_values(target: Values, train: Examples, link: str) -> Fitted:
    values = _values(target, train)
    if link == "log":
        _require_counts(target, train, values)
        mean = values.mean(axis=0)
        return {"link": link, "mean": np.where(mean > 0, mean, 1.0).tolist()}
    return _moments(values)


def _moments(values: NDArray[np.float64]) -> Fitted:
    mean, std = moments("the target", values)
    # A value that never varies stays as it is, less its mean; there is nothing to divide by.
    return {"link": "identity", "mean": mean.tolist(), "std": np.where(std > 0, std, 1.0).tolist()}


def _standardise(values: NDArray[np.float64], fitted: Fitted) -> NDArray[np.float64]:
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
    """The place of each example's label; one that is not known (``""``) has ``UNKNOWN_CLASS``."""
    places = {"": UNKNOWN_CLASS, **{label: place for place, label in enumerate(labels)}}
    try:
        return np.fromiter((places[label] for label in examples.target), np.int64, len(examples))
    except KeyError as error:
        (unknown,) = error.args
        where = examples.ids[list(examples.target).index(unknown)]
        raise _unknown_label(unknown, where, labels) from None


def _unknown_label(label: Any, where: str, labels: Sequence[str]) -> DataError:
    return DataError(
        f"label {str(label)!r} in {where} is not one of the {len(labels)} labels of the training data",
        fix=did_you_mean(str(label), labels),
    )


def _values(target: Values, examples: Examples) -> NDArray[np.float64]:
    """Float64 ``[n, values]``."""
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


def _next_tokens(tokens: Column) -> Ragged:
    """The token after each one; 0, which a loss leaves out, after a row's last."""
    assert isinstance(tokens, Ragged)
    following = np.append(tokens.values[1:], 0)
    ends = tokens.offsets[1:][tokens.lengths > 0] - 1
    following[ends] = 0
    return Ragged(following, tokens.offsets)


def _objects(
    labels: tuple[str, ...], examples: Examples, ratio: NDArray[np.float32]
) -> tuple[Ragged, Ragged]:
    """Labels int64 and boxes float32 in pixels of the network's picture, crowds left out."""
    places = {label: place for place, label in enumerate(labels)}
    indices, boxes = [], []
    for objects, where, (x, y) in zip(examples.target, examples.ids, ratio, strict=True):
        for label in objects.labels:
            if label not in places:
                raise _unknown_label(label, where, labels)
        single = ~np.asarray(objects.crowd, bool)
        indices.append(np.array([places[label] for label in objects.labels], np.int64)[single])
        scaled = np.asarray(objects.boxes, np.float64).reshape(-1, 4) / np.array([x, y, x, y])
        boxes.append(scaled[single].astype(np.float32))
    return Ragged.of_rows(indices, padding=_NO_OBJECT), Ragged.of_rows(boxes)


def _masks(target: Mask, fitted: Fitted, examples: Examples, given: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Masks at the network's size, of which the reader need not have known their pictures.

    Raises:
        DataError: A mask is not as large as its picture, or has a number that no label has.
    """
    height, width = fitted["size"]
    masks = room((len(examples), height, width), np.uint8)
    for place, where in enumerate(examples.ids):
        mask = np.asarray(examples.target[place], np.uint8)
        if mask.shape != (given[place][1], given[place][0]):
            raise DataError(
                f"{where}: the mask is {' x '.join(map(str, mask.shape))}, its picture "
                f"{given[place][1]:.0f} x {given[place][0]:.0f} (height x width)",
                fix="a mask has a pixel for each of its picture",
            )
        known = mask[mask != UNKNOWN_PIXEL]
        if known.size and known.max() >= len(target.labels):
            raise DataError(
                f"{where}: a pixel of the mask is {known.max()}, and there are {len(target.labels)} labels",
                fix=f"labels are numbered from 0 to {len(target.labels) - 1}; {UNKNOWN_PIXEL} is not known",
            )
        masks[place] = nearest(mask, (height, width), fitted["fit"])
    return masks


def _shrunk(target: Sample, fitted: Fitted, examples: Examples) -> NDArray[np.uint8]:
    height, width = fitted["size"]
    graph = image.shrinking("given", "shrunk", target.channels, (height, width), fitted["fit"])
    spec = TensorSpec("given", "image", "uint8", (None, None, target.channels))
    (shrunk,) = shrink_all(
        open_session(graph, num_threads=1), spec, (height, width, target.channels), examples.target
    )
    return shrunk
