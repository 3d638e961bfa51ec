"""Cuts raw columns into batches of bounded size that never mix shapes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError

Array = npt.NDArray[np.generic]
Column = Array | Sequence[Array]
"""Examples of one raw input: one array, or one array an example where their shapes vary."""

Indices = npt.NDArray[np.intp]
MAX_BYTES = 64 * 2**20


def count(inputs: Mapping[str, Column]) -> int:
    """How many examples there are.

    Raises:
        DataError: There is none, or the inputs differ in length.
    """
    lengths = {name: len(column) for name, column in inputs.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise DataError(
            f"the inputs differ in length: {listed}", fix="give every input once for each example"
        )
    num_examples = next(iter(lengths.values()))
    if num_examples == 0:
        raise DataError("there is no example to predict: every input is empty")
    return num_examples


def batches(inputs: Mapping[str, Column], batch_size: int) -> Iterator[tuple[Indices, dict[str, Array]]]:
    """Yields the indices of a batch's examples and their inputs, stacked along a batch axis.

    A batch has at most `batch_size` examples, about `MAX_BYTES` bytes, and one shape an input. Examples
    are read as they are needed, so that files larger than memory can be walked through.

    Raises:
        DataError: There is no example, or the inputs differ in length.
    """
    num_examples = count(inputs)
    if all(isinstance(column, np.ndarray) for column in inputs.values()):
        yield from _slices(inputs, num_examples, batch_size)
    else:
        yield from _groups(inputs, num_examples, batch_size)


def pad(column: Column) -> Array:
    """Examples of one input side by side: series of differing lengths get NaN behind their ends."""
    if isinstance(column, np.ndarray):
        return column
    padded = np.full((len(column), max(len(row) for row in column)), np.nan)
    for place, row in enumerate(column):
        padded[place, : len(row)] = row
    return padded


def joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Answers of batches one behind the other, as ``concatenate`` puts them."""
    return {name: concatenate([part[name] for part in parts]) for name in parts[0]}


def gather(examples: Sequence[Array]) -> Array:
    """One array of all examples; where they differ in size, an array of arrays ``[examples]``."""
    if len({np.shape(example) for example in examples}) == 1:
        return np.stack(examples)
    ragged = np.empty(len(examples), object)
    for place, example in enumerate(examples):
        ragged[place] = example
    return ragged


def is_ragged(array: Array) -> bool:
    """Whether this is an array of arrays, as ``gather`` makes it."""
    return array.dtype == object and array.ndim == 1 and len(array) > 0 and isinstance(array[0], np.ndarray)


def concatenate(arrays: Sequence[Array]) -> Array:
    """Examples one behind the other; shorter rows get NaN behind their ends, pictures keep their sizes."""
    differ = len({array.shape[1:] for array in arrays}) > 1
    if any(is_ragged(array) or (differ and array.ndim > 2) for array in arrays):
        return gather([example for array in arrays for example in array])
    longest = max(array.shape[1] if array.ndim > 1 else 0 for array in arrays)
    if all(array.ndim == 1 or array.shape[1] == longest for array in arrays):
        return np.concatenate(arrays)
    widths = [[(0, 0), (0, longest - array.shape[1]), *[(0, 0)] * (array.ndim - 2)] for array in arrays]
    return np.concatenate(
        [np.pad(array, width, constant_values=np.nan) for array, width in zip(arrays, widths, strict=True)]
    )


def _slices(
    inputs: Mapping[str, Column], num_examples: int, batch_size: int
) -> Iterator[tuple[Indices, dict[str, Array]]]:
    example_bytes = sum(np.asarray(column[:1]).nbytes for column in inputs.values())
    size = max(1, min(batch_size, MAX_BYTES // max(1, example_bytes)))
    for start in range(0, num_examples, size):
        indices = np.arange(start, min(start + size, num_examples))
        yield indices, {name: np.asarray(column[start : start + size]) for name, column in inputs.items()}


def _groups(
    inputs: Mapping[str, Column], num_examples: int, batch_size: int
) -> Iterator[tuple[Indices, dict[str, Array]]]:
    waiting: dict[int, dict[str, Array]] = {}
    num_bytes = 0
    for index in range(num_examples):
        waiting[index] = {name: np.asarray(column[index]) for name, column in inputs.items()}
        num_bytes += sum(array.nbytes for array in waiting[index].values())
        if len(waiting) == batch_size or num_bytes >= MAX_BYTES or index == num_examples - 1:
            yield from _same_shape(waiting)
            waiting, num_bytes = {}, 0


def _same_shape(examples: Mapping[int, dict[str, Array]]) -> Iterator[tuple[Indices, dict[str, Array]]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, example in examples.items():
        shape = tuple(chain.from_iterable(array.shape for array in example.values()))
        groups.setdefault(shape, []).append(index)
    for members in groups.values():
        names = examples[members[0]]
        yield np.array(members), {name: np.stack([examples[m][name] for m in members]) for name in names}
