"""Raw examples that no data set holds, made from held-out ones.

A test split can be too tame to show a fault: pictures of one grey, a column that never varies, no missing
value. Probes vary every input, so that an export that differs anywhere is likely to answer differently.
"""

import numpy as np

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.runtime.batches import Column

NUM_PROBES = 32
_MISSING_EVERY = 8
_SIZES = ((1, 1), (7, 40), (40, 7), (64, 64))
_LENGTHS = (1, 2, 5, 16, 17, 40)


def probes(signature: Signature, examples: Examples) -> Examples:
    """`NUM_PROBES` examples: noise pictures and clips of several sizes and lengths, jittered columns, gaps, unknown words, odd lengths."""
    random = np.random.default_rng(0)
    inputs = {
        spec.name: _MAKERS[spec.kind](spec, examples.inputs[spec.name], random) for spec in signature.inputs
    }
    return Examples(inputs, None, [f"probe {index}" for index in range(NUM_PROBES)])


def _images(spec: TensorSpec, pictures: Column, random: np.random.Generator) -> Column:
    height, width, channels = (3 if size is None else size for size in spec.shape)
    sizes = [np.asarray(pictures[0]).shape[:2], *_SIZES] if None in spec.shape[:2] else [(height, width)]
    shapes = [(*sizes[index % len(sizes)], channels) for index in range(NUM_PROBES)]
    return [random.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def _videos(spec: TensorSpec, clips: Column, random: np.random.Generator) -> Column:
    *_, channels = (3 if size is None else size for size in spec.shape)
    sizes = [np.asarray(clips[0]).shape[1:3], *_SIZES]
    shapes = [
        (_LENGTHS[index % len(_LENGTHS)], *sizes[index % len(sizes)], channels) for index in range(NUM_PROBES)
    ]
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


def _texts(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    """Words of real texts in another order and number: one, many, none, and some never seen."""
    known = [word for text in column[:1000] for word in str(text)[:10_000].split(" ")]
    words = np.array(["qzxj", "\u00e9t\u00e9", "!", *known], object)
    counts = [0, 1, 2, 3, 70, *random.integers(1, 40, NUM_PROBES - 5)]
    return np.array([" ".join(random.choice(words, count)) for count in counts], object)


def _series(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    """Pieces of real series, jittered, half as long to twice as long, with gaps."""
    lengths = np.random.default_rng(1).integers(1, 2 * max(len(row) for row in column) + 1, NUM_PROBES)
    known = np.concatenate([np.asarray(row, np.float64) for row in column[:1000]])
    known = known[np.isfinite(known)] if np.isfinite(known).any() else np.zeros(1)
    made = []
    for length in lengths:
        steps = random.choice(known, length) + random.normal(0.0, known.std() or 1.0, length)
        made.append(np.where(random.permutation(length) % _MISSING_EVERY == 1, np.nan, steps))
    return made


def _latents(spec: TensorSpec, column: Column, random: np.random.Generator) -> Column:
    return np.asarray(2 * random.standard_normal((NUM_PROBES, *np.shape(column)[1:])), np.float32)


_MAKERS = {
    "image": _images,
    "video": _videos,
    "number": _numbers,
    "category": _categories,
    "vector": _vectors,
    "text": _texts,
    "series": _series,
    "latent": _latents,
}
