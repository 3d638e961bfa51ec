"""Raw examples that no data set holds, made from held-out ones.

A test split can be too tame to show a fault: pictures of one grey, a column that never varies, no missing
value. Probes vary every input, so that an export that differs anywhere is likely to answer differently.
"""

import numpy as np

from zoo.contracts.signature import Examples, Signature, TensorSpec
from zoo.runtime.batches import Column

NUM_PROBES = 32
_MISSING_EVERY = 8
_SIZES = ((1, 1), (7, 40), (40, 7), (64, 64))


def probes(signature: Signature, examples: Examples) -> Examples:
    """`NUM_PROBES` examples: noise pictures of several sizes, shuffled and jittered columns, gaps, unknown words."""
    random = np.random.default_rng(0)
    makers = {"image": _images, "number": _numbers, "category": _categories, "vector": _vectors}
    inputs = {
        spec.name: makers[spec.kind](spec, examples.inputs[spec.name], random) for spec in signature.inputs
    }
    return Examples(inputs, None, [f"probe {index}" for index in range(NUM_PROBES)])


def _images(spec: TensorSpec, pictures: Column, random: np.random.Generator) -> Column:
    height, width, channels = (3 if size is None else size for size in spec.shape)
    sizes = [np.asarray(pictures[0]).shape[:2], *_SIZES] if None in spec.shape[:2] else [(height, width)]
    shapes = [(*sizes[index % len(sizes)], channels) for index in range(NUM_PROBES)]
    return [random.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def _numbers(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    known = np.asarray(column, np.float64)
    known = known[np.isfinite(known)] if np.isfinite(known).any() else np.zeros(1)
    numbers = random.choice(known, NUM_PROBES) + random.normal(0.0, known.std() or 1.0, NUM_PROBES)
    return np.where(random.permutation(NUM_PROBES) % _MISSING_EVERY == 0, np.nan, numbers)


def _categories(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    known = sorted(set(map(str, column)))
    words = random.choice(np.array(["", "a word never seen", *known], object), NUM_PROBES)
    return np.asarray(words, object)


def _vectors(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    known = np.asarray(column, np.float64)
    spread = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    chosen = known[random.integers(0, len(known), NUM_PROBES)]
    return np.asarray(chosen + random.normal(0.0, 1.0, chosen.shape) * spread, np.float32)
