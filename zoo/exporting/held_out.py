"""Chooses held-out examples: a sample for small batches, and the golden ones that travel with the model."""

import numpy as np

from zoo import data
from zoo.contracts.examples import Examples
from zoo.runtime.answers import Answers
from zoo.runtime.batches import Array, Column, pad

_NUM_SAMPLED = 28
_NUM_GOLDEN = 16
_GOLDEN_BYTES = 16 * 2**20
_COMPARED_BYTES = 2**29
_NUM_COMPARED = 4
# In PyTorch in two precisions, in the file, and their distances in double precision.
_BYTES_A_NUMBER = 32


def sample(examples: Examples) -> Examples:
    """A few examples that fit into one batch: pictures and clips are cut to the smallest, series padded to the longest."""
    few = take(examples, _spread(len(examples), _NUM_SAMPLED))
    columns = {name: _uniform(column) for name, column in few.inputs.items()}
    longest = max((column.shape[1] for column in columns.values() if column.ndim == 2), default=0)
    return Examples({name: _lengthened(column, longest) for name, column in columns.items()}, None, few.ids)


def _uniform(column: Column) -> Array:
    if isinstance(column, np.ndarray):
        return column
    if column[0].ndim == 1:
        return pad(column)
    sides = np.min([each.shape[:-1] for each in column], axis=0)
    return np.stack([each[tuple(map(slice, sides))] for each in column])


def _lengthened(column: Array, length: int) -> Array:
    """Columns of a series are as long as one another, whatever is missing at their ends."""
    is_series = column.ndim == 2 and column.dtype == np.float64
    return (
        np.pad(column, ((0, 0), (0, length - column.shape[1])), constant_values=np.nan)
        if is_series
        else column
    )


def affordable(examples: Examples, *, num_numbers: int) -> Examples:
    """As many pictures with their masks as memory holds while they are compared, at equal distances.

    Args:
        examples: All of them.
        num_numbers: What the network emits for one.
    """
    (column,) = examples.inputs.values()
    num_pixels = max(column[place][..., 0].size for place in _spread(len(examples), _NUM_GOLDEN))
    each = (num_numbers + num_pixels) * _BYTES_A_NUMBER
    places = _spread(len(examples), max(_NUM_COMPARED, _COMPARED_BYTES // each))
    return data.take(examples, places)


def golden(examples: Examples, answers: Answers) -> list[int]:
    """Places of golden examples, as many as fit into their share of the disk with their answers."""
    places = _spread(len(examples), _NUM_GOLDEN)
    columns = [*examples.inputs.values(), *answers.values()]
    sizes = [sum(np.asarray(column[place]).nbytes for column in columns) for place in places]
    num_fitting = int(np.searchsorted(np.cumsum(sizes), _GOLDEN_BYTES, side="right"))
    return places[: max(1, num_fitting)]


def _spread(num_examples: int, num_chosen: int) -> list[int]:
    """Places at equal distances, first and last included."""
    return sorted({int(place) for place in np.linspace(0, num_examples - 1, num_chosen)})


def take(examples: Examples, places: list[int]) -> Examples:
    """The examples at these places, without their truth."""
    inputs = {
        name: column[places]
        if isinstance(column, np.ndarray)
        else [np.asarray(column[place]) for place in places]
        for name, column in examples.inputs.items()
    }
    return Examples(inputs, None, [examples.ids[place] for place in places])


def slice_of(examples: Examples, start: int, stop: int) -> Examples:
    """The examples from `start` to before `stop`, without their truth."""
    inputs = {name: column[start:stop] for name, column in examples.inputs.items()}
    return Examples(inputs, None, examples.ids[start:stop])
