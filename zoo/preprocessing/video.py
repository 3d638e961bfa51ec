"""Clips of any length and size: evenly spaced frames, each cropped or stretched as a picture is, then standardised.

The graph has the two stages of pictures. ``shrink`` takes uint8 ``[batch, frames, height, width, channels]``
to the network's number of frames and size and is what training keeps in memory; ``scale`` standardises each
channel, a batch at a time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op
from onnx import ModelProto

from zoo.contracts.tensors import TensorSpec
from zoo.preprocessing import frames, image
from zoo.preprocessing.encoding import Encoding, encoded_name
from zoo.preprocessing.framing import Fit, Size
from zoo.preprocessing.graphs import build, chain, open_session
from zoo.preprocessing.image import Geometry, Standard
from zoo.preprocessing.shrinking import Sample, chosen, sampled, shrink_all
from zoo.runtime.clips import ClipFiles

NUM_FRAMES = 16
"""Where neither the user nor the network says: what most networks for clips were published with."""


def fit(
    spec: TensorSpec,
    clips: Sequence[Any],
    geometry: Geometry,
    *,
    num_frames: int | None = None,
    standard: Standard | None = None,
) -> Encoding:
    """Learns each channel's mean and deviation, as of pictures, and builds the graph.

    Raises:
        UsageError: No size was given, the clips do not share a small one, and there is no default.
        DataError: Clips cannot be read.
    """
    num_frames = num_frames or NUM_FRAMES
    size = image.choose_size(clips.choosing(_first) if isinstance(clips, ClipFiles) else clips, geometry)
    channels = spec.shape[3]
    assert channels is not None, "a data set of clips says how many channels they have"
    encoded = encoded_name(spec.name)
    stored = f"{encoded}_stored"
    shape = (num_frames, *size, channels)
    shrink = _shrinking(spec.name, stored, channels, num_frames, size, geometry.fit)
    rows = sampled(clips)
    shrunk = shrink_all(open_session(shrink, num_threads=1), spec, shape, chosen(clips, rows))
    mean, std = image.constants(standard, channels, shrunk[0])
    small = spox.argument(spox.Tensor(np.uint8, ("batch", *shape)))
    scale = build({stored: small}, {encoded: image.standardise(small, mean, std)})
    statistics = {
        "frames": num_frames,
        "size": list(size),
        "fit": geometry.fit,
        "mean": (mean / 255).tolist(),
        "std": (std / 255).tolist(),
    }
    graph = chain([("shrink", shrink), ("scale", scale)], outputs=[encoded])
    inputs = (TensorSpec(encoded, "video", "float32", (channels, num_frames, *size)),)
    sample = None if isinstance(clips, np.ndarray) else Sample(clips, rows, shrunk)
    return Encoding(inputs, statistics, graph, (stored,), sample=sample)


def _shrinking(name: str, output: str, channels: int, num_frames: int, size: Size, fit: Fit) -> ModelProto:
    """The graph from clips of any length and size to clips of one."""
    raw = spox.argument(spox.Tensor(np.uint8, ("batch", "frames", "height", "width", channels)))
    shape = op.shape(raw)
    places = frames.places(op.gather(shape, op.constant(value_int=1)), num_frames)
    picked = op.gather(raw, places, axis=1)
    sides = op.slice(shape, _integers([2]), _integers([5]))
    pictures = op.reshape(picked, op.concat([_integers([-1]), sides], axis=0))
    small = image.resize(pictures, size, fit)
    clips = op.reshape(small, _integers([-1, num_frames, *size, channels]))
    return build({name: raw}, {output: clips})


def _first(num_frames: int) -> Sequence[int]:
    return range(min(1, num_frames))


def _integers(values: Sequence[int]) -> spox.Var:
    return op.constant(value=np.array(values, np.int64))
