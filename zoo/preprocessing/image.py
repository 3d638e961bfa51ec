"""Pictures of any size: cropped or stretched to the network's size in the graph, then standardised.

The graph has two stages. ``shrink`` takes uint8 ``[batch, height, width, channels]`` of any size to the
network's size and is what training keeps in memory; ``scale`` standardises each channel, a batch at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray
from onnx import ModelProto

from zoo.contracts.tensors import TensorSpec
from zoo.errors import UsageError
from zoo.preprocessing.encoding import Encoding, encoded_name
from zoo.preprocessing.framing import Fit, Size, centre
from zoo.preprocessing.graphs import build, chain, open_session
from zoo.preprocessing.shrinking import Sample, chosen, sampled, shrink_all

RATIO, GIVEN_SIZE = "encoded_ratio", "encoded_size"
"""What boxes need of the picture that they are in: its size, and that over the network's size. A mask needs the size."""

_LARGEST_DEFAULT_SIDE = 64
_COUNTED_SIDE = 64


@dataclass(frozen=True)
class Geometry:
    """How pictures of any size become pictures of one size.

    Attributes:
        size: Height and width in pixels that the user asked for.
        default_size: What is used where the pictures do not share a size of at most 64 x 64.
        fit: ``"crop"`` keeps the aspect ratio and loses the edges; ``"stretch"`` keeps all.
        min_side: Pictures that share a smaller size than this are brought to the default too.
    """

    size: Size | None = None
    default_size: Size | None = None
    fit: Fit = "crop"
    min_side: int = 1


@dataclass(frozen=True)
class Standard:
    """The constants by which a network's authors standardise pictures, grey levels from 0 to 1.

    Attributes:
        mean: Of each channel.
        std: Of each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


def fit(
    spec: TensorSpec,
    images: Sequence[Any],
    kind: str,
    geometry: Geometry,
    *,
    standard: Standard | None = None,
    carried: tuple[str, ...] = (),
) -> Encoding:
    """Learns each channel's mean and deviation and builds the graph.

    The statistics come from at most 1,000 training pictures, evenly spaced, at the network's size; or they
    are the network's own constants. ``carried`` names what the graph tells besides: a picture's own width and
    height (``GIVEN_SIZE``), and both over the network's (``RATIO``).

    Raises:
        UsageError: No size was given, the pictures do not share a small one, and there is no default.
        DataError: Pictures cannot be read.
    """
    size = choose_size(images, geometry)
    height, width = size
    channels = spec.shape[2]
    assert channels is not None, "a data set of images says how many channels they have"
    encoded = encoded_name(spec.name)
    stored = f"{encoded}_stored"
    shrink = shrinking(spec.name, stored, channels, size, geometry.fit, carried)
    session = open_session(shrink, num_threads=1)
    rows = sampled(images)
    shrunk = shrink_all(session, spec, (*size, channels), chosen(images, rows))
    mean, std = constants(standard, channels, shrunk[0])
    small = spox.argument(spox.Tensor(np.uint8, ("batch", height, width, channels)))
    scaled = standardise(small, mean, std)
    shape: tuple[int, ...] = (channels, height, width)
    if kind == "vector":
        shape = (channels * height * width,)
        scaled = op.reshape(scaled, _integers([0, *shape]))
    scale = build({stored: small}, {encoded: scaled})
    statistics = {
        "size": [height, width],
        "fit": geometry.fit,
        "mean": (mean / 255).tolist(),
        "std": (std / 255).tolist(),
    }
    graph = chain([("shrink", shrink), ("scale", scale)], outputs=[encoded, *carried])
    inputs = (TensorSpec(encoded, kind, "float32", shape),)
    # Pictures of an array are soon done again.
    sample = None if isinstance(images, np.ndarray) else Sample(images, rows, shrunk)
    return Encoding(inputs, statistics, graph, (stored,), carried, sample)


def choose_size(images: Sequence[Any], geometry: Geometry) -> Size:
    """Height and width that pictures are brought to: the one asked for, a small one they share, or the default.

    Raises:
        UsageError: There is none of these.
    """
    sample = chosen(images, sampled(images))
    return geometry.size or _shared_size(sample, geometry) or geometry.default_size or _refuse(sample)


def shrinking(
    name: str, output: str, channels: int, size: Size, fit: Fit, carried: tuple[str, ...] = ()
) -> ModelProto:
    """The graph from pictures uint8 ``[batch, height, width, channels]`` to pictures of one size."""
    raw = spox.argument(spox.Tensor(np.uint8, ("batch", "height", "width", channels)))
    given = _width_height(raw)
    told = {
        RATIO: op.div(given, op.constant(value=np.array(size[::-1], np.float32))),
        GIVEN_SIZE: given,
    }
    # In the order in which they are carried: a sample of the outputs is kept by place.
    return build({name: raw}, {output: resize(raw, size, fit)} | {each: told[each] for each in carried})


def _width_height(image: spox.Var) -> spox.Var:
    """Float32 ``[batch, 2]``, the same for all pictures of a batch."""
    shape = op.shape(image)
    sides = op.unsqueeze(op.gather(shape, _integers([2, 1])), _integers([0]))
    repeated = op.concat([op.gather(shape, _integers([0])), _integers([2])], axis=0)
    return op.expand(op.cast(sides, to=np.float32), repeated)


def _shared_size(images: Sequence[Any], geometry: Geometry) -> Size | None:
    """The pictures' own size, where all have the same and it is small, but not too small for the network."""
    height, width = _sides(images[0])
    if max(height, width) > _LARGEST_DEFAULT_SIDE or min(height, width) < geometry.min_side:
        return None
    is_shared = all(_sides(image) == (height, width) for image in images)
    return (height, width) if is_shared else None


def _sides(image: Any) -> Size:
    """Height and width of a picture, or of the frames of a clip."""
    height, width = np.shape(image)[-3:-1]
    return height, width


def _refuse(images: Sequence[Any]) -> NoReturn:
    largest = max(_sides(image) for image in images)
    what = "pictures" if np.ndim(images[0]) == 3 else "clips"
    raise UsageError(
        f"the {what} do not share one size of at most {_LARGEST_DEFAULT_SIDE} x {_LARGEST_DEFAULT_SIDE} "
        f"(one is {' x '.join(map(str, largest))}), and a network needs all of them at one size",
        fix="give it: data.size=128, or data.size=[96,128] for height and width",
    )


def constants(
    standard: Standard | None, channels: int, pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each channel is standardised by, in grey levels: a network's own constants, or those of ``[n, ..., channels]``."""
    return (standard and _known(standard, channels)) or _channel_moments(pictures)


def _known(standard: Standard, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The constants in grey levels; none where there is no telling which channel is which."""
    mean, std = (np.array(each, np.float64) * 255 for each in (standard.mean, standard.std))
    if channels == 1:
        return mean.mean(keepdims=True), std.mean(keepdims=True)
    return (mean, std) if len(mean) == channels else None


def _channel_moments(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel in grey levels; no deviation is below 1.

    Exact for pictures below 128 pixels; of larger ones every nth row and column counts, so that at least 64 do.
    """
    rows, columns = (slice(None, None, max(1, side // _COUNTED_SIDE)) for side in pictures.shape[-3:-1])
    thinned = pictures[..., rows, columns, :]
    # Picture by picture: NumPy counts in integers of eight times the size, which then fit into the cache.
    counts = np.sum([_counts(picture.reshape(-1, picture.shape[-1])) for picture in thinned], axis=0)
    shares = counts / counts.sum(axis=1, keepdims=True)
    levels = np.arange(256.0)
    mean = shares @ levels
    deviation = np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(axis=1))
    return mean, np.maximum(deviation, 1.0)


def _counts(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each channel has each grey level: int64 ``[channels, 256]``."""
    return np.stack([np.bincount(channel, minlength=256) for channel in pixels.T])


def resize(image: spox.Var, size: Size, fit: Fit) -> spox.Var:
    """Antialiased bilinear resize of uint8 ``[batch, height, width, channels]``, rounded half to even.

    It averages over the same triangle as Pillow's ``BILINEAR``. Pillow rounds between its two passes, by
    at most half a grey level; this does not, so the two never differ by more than one level.
    """
    floats = op.cast(_centre(image, size) if fit == "crop" else image, to=np.float32)
    resized = op.resize(
        floats,
        sizes=_integers(size),
        axes=(1, 2),
        mode="linear",
        antialias=1,
        exclude_outside=1,
        coordinate_transformation_mode="half_pixel",
    )
    return op.cast(op.round(resized), to=np.uint8)


def _centre(image: spox.Var, size: Size) -> spox.Var:
    """The part of a picture that ``framing.centre`` names."""
    start, kept = centre(op.slice(op.shape(image), _integers([1]), _integers([3])), size)
    return op.slice(image, start, op.add(start, kept), _integers([1, 2]))


def standardise(image: spox.Var, mean: NDArray[np.float64], std: NDArray[np.float64]) -> spox.Var:
    """Float32 ``[batch, channels, ...]`` of mean 0 and deviation 1 in each channel, of ``[batch, ..., channels]``."""
    rank = len(image.unwrap_tensor().shape or ())
    floats = op.cast(op.transpose(image, perm=(0, rank - 1, *range(1, rank - 1))), to=np.float32)
    ones = (1,) * (rank - 2)
    centred = op.sub(floats, op.constant(value=mean.astype(np.float32).reshape(-1, *ones)))
    return op.mul(centred, op.constant(value=(1 / std).astype(np.float32).reshape(-1, *ones)))


def _integers(values: Sequence[int]) -> spox.Var:
    return op.constant(value=np.array(values, np.int64))
