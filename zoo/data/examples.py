"""Raw examples as values: choosing, joining, comparing and checking them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.examples import Examples, Objects, Splits
from zoo.contracts.targets import Target, part_name
from zoo.data.places import Places
from zoo.runtime.clips import ClipFiles
from zoo.runtime.cores import num_cores
from zoo.runtime.media import MediaFiles

_CHUNK = 2**16


def take(examples: Examples, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> Examples:
    """The examples at these places, in this order."""
    return Examples(
        {name: _take(column, indices) for name, column in examples.inputs.items()},
        take_truth(examples.target, indices),
        examples.ids.take(indices)
        if isinstance(examples.ids, Places)
        else [examples.ids[index] for index in indices],
    )


def take_truth(truth: Any, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> Any:
    """The truth at these places, in this order."""
    if isinstance(truth, Mapping):
        return {name: _take(column, indices) for name, column in truth.items()}
    return None if truth is None else _take(truth, indices)


def concatenate(parts: Sequence[Examples]) -> Examples:
    """All examples of parts with the same inputs, in order."""
    if len(parts) == 1:
        return parts[0]
    return Examples(
        {name: _concatenate([part.inputs[name] for part in parts]) for name in parts[0].inputs},
        _concatenate_truth([part.target for part in parts]),
        [name for part in parts for name in part.ids],
    )


def every_example(splits: Splits) -> Examples:
    """All splits as one."""
    return concatenate([part for part in (splits.train, splits.validation, splits.test) if part is not None])


def check(splits: Splits) -> None:
    """Decodes every picture and clip of every split once.

    Raises:
        DataError: Some cannot be decoded; up to 20 are listed.
    """
    for column in every_example(splits).inputs.values():
        if isinstance(column, MediaFiles):
            column.check()


def digests(examples: Examples) -> list[bytes]:
    """16 bytes an example that are equal where its raw inputs are; of a picture file, its bytes count."""
    return [
        hashlib.blake2b(
            b"".join(len(piece).to_bytes(8, "big") + piece for piece in pieces), digest_size=16
        ).digest()
        for pieces in zip(*_pieces(examples.inputs), strict=True)
    ]


def fingerprint(splits: Splits) -> str:
    """SHA-256 in hexadecimal over the signature and the raw content of every split."""
    total = hashlib.sha256(json.dumps(splits.signature.to_json(), sort_keys=True).encode())
    for name, part in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        total.update(f"{name} {-1 if part is None else len(part)}".encode())
        if part is not None:
            for column, values in sorted(part.inputs.items()):
                total.update(f"{column} {getattr(values, 'dtype', '')} {_shape(values)}".encode())
                for piece in _content(values):
                    total.update(piece)
            for piece in _truth_bytes(part.target):
                total.update(piece)
    return total.hexdigest()


def part_of(examples: Examples, part: Target) -> Examples:
    """The same examples with the truth of one of several targets."""
    return replace(examples, target=examples.target[part_name(part)])


def _concatenate_truth(truths: Sequence[Any]) -> Any:
    if isinstance(truths[0], Mapping):
        return {name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]}
    return _concatenate(truths)


def _take(column: Any, indices: Any) -> Any:
    if isinstance(column, MediaFiles):
        return column.take(indices)
    if isinstance(column, np.ndarray):
        return column[np.asarray(indices, dtype=np.intp)]
    return [column[index] for index in indices]


def _concatenate(columns: Sequence[Any]) -> Any:
    if all(isinstance(column, MediaFiles) for column in columns):
        return replace(columns[0], paths=tuple(path for column in columns for path in column.paths))
    are_arrays = all(isinstance(column, np.ndarray) for column in columns)
    if are_arrays and len({column.shape[1:] for column in columns}) == 1:
        return np.concatenate(columns)
    return [example for column in columns for example in column]


def _pieces(inputs: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
    """Each column, or group of scalar columns, as one piece of bytes an example."""
    columns = [inputs[name] for name in sorted(inputs)]
    scalars = [column for column in columns if isinstance(column, np.ndarray) and column.ndim == 1]
    numbers = [column for column in scalars if column.dtype != object]
    texts = [column for column in scalars if column.dtype == object]
    if numbers:
        yield _rows(np.column_stack(numbers))
    if texts:
        yield (repr(row).encode() for row in zip(*texts, strict=True))
    for column in columns:
        if isinstance(column, MediaFiles):
            yield (column.content(path) for path in column.paths)
        elif not isinstance(column, np.ndarray):
            yield (_array_bytes(example) for example in column)
        elif column.ndim > 1:
            yield _rows(column)


def _shape(column: Any) -> tuple[int, ...]:
    """That of the first example; of a clip, which takes long to decode, the bytes alone count."""
    return () if isinstance(column, ClipFiles) else np.shape(column[0])


def _content(column: Any) -> Iterator[bytes]:
    """All examples of a column, piece by piece, so that none of a mapped file is copied whole."""
    if isinstance(column, MediaFiles):
        with ThreadPoolExecutor(num_cores()) as pool:
            yield from pool.map(partial(_file_digest, column), column.paths)
    elif not isinstance(column, np.ndarray):
        yield from (_array_bytes(example) for example in column)
    elif column.dtype == object:
        yield from (repr(chunk.tolist()).encode() for chunk in _chunks(column))
    else:
        yield from (np.ascontiguousarray(_plain_numbers(chunk)).tobytes() for chunk in _chunks(column))


def _file_digest(files: MediaFiles, path: Path) -> bytes:
    return hashlib.blake2b(files.content(path)).digest()


def _rows(values: npt.NDArray[Any]) -> Iterator[bytes]:
    for chunk in _chunks(values):
        yield from (row.tobytes() for row in np.ascontiguousarray(_plain_numbers(chunk)))


def _chunks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _plain_numbers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Equal numbers get equal bytes: one NaN, one zero."""
    if not np.issubdtype(values.dtype, np.floating):
        return values
    return np.where(np.isnan(values), np.nan, values + 0.0)


def _array_bytes(example: Any) -> bytes:
    array = np.ascontiguousarray(example)
    return str(array.shape).encode() + array.tobytes()


def _truth_bytes(truth: Any) -> Iterator[bytes]:
    if isinstance(truth, Mapping):
        for name, column in truth.items():
            yield name.encode()
            yield from _truth_bytes(column)
    elif isinstance(truth, MediaFiles):
        yield from _content(truth)
    elif not isinstance(truth, np.ndarray):
        yield from (_array_bytes(example) for example in truth)
    elif truth.dtype == object:
        yield repr([_plain_truth(each) for each in truth]).encode()
    else:
        yield np.ascontiguousarray(truth).tobytes()


def _plain_truth(truth: Any) -> Any:
    """A label as it is; what is in a picture as plain lists."""
    if isinstance(truth, Objects):
        return truth.labels, np.asarray(truth.boxes).tolist(), np.asarray(truth.crowd).tolist()
    return truth
