"""Tiny data of every encoded kind and target: a signature and a batch that fits it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoo.contracts.entries import Architecture
from zoo.contracts.examples import Batch
from zoo.contracts.signature import Signature
from zoo.contracts.targets import (
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
)
from zoo.contracts.tensors import TensorSpec

BATCH_SIZE = 4
SIDE = 32
LENGTH = 7
NUM_TOKENS = 11
_SAMPLE_SIDE = 16
_NUM_FRAMES = 4
_NUM_LABELS = 3

_TARGETS: dict[str, Target] = {
    target.kind: target
    for target in (
        Classes(("ash", "birch", "cedar")),
        Binary(("no", "yes")),
        Labels(("red", "green", "blue")),
        Values(("height", "width")),
        Several((Classes(("ash", "birch", "cedar"), "tree"), Values(("height",)))),
        Tokens(("", "?", *"abcdefghi")),
        Forecast(("load", "heat"), horizon=3),
        Boxes(("cat", "dog")),
        Mask(("dark", "bright", "unseen")),
        Sample(3, (_SAMPLE_SIDE, _SAMPLE_SIDE)),
    )
}
# What can be told from one kind of input alone.
_OWN_INPUT = {
    "tokens": "tokens",
    "forecast": "series",
    "boxes": "image",
    "mask": "image",
    "sample": "latent",
}


@dataclass(frozen=True)
class Specimen:
    """A signature that an architecture claims, and a batch.

    Attributes:
        kind: The encoded kind.
        signature: Inputs, target and scores.
        batch: Four examples, the first one of full length.
    """

    kind: str
    signature: Signature
    batch: Batch

    @property
    def target(self) -> Target:
        """What is to be predicted."""
        return self.signature.target

    @property
    def has_lengths(self) -> bool:
        """Whether its examples can be padded."""
        return self.kind in ("tokens", "series")

    def __str__(self) -> str:
        return f"{self.kind} to {self.target.kind}"


def specimens(entry: Architecture) -> list[Specimen]:
    """One for each kind of input and each target that the entry claims, where the two go together."""
    return list(_specimens(entry))


def kinds() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The encoded kinds and the targets that there are."""
    return tuple(_INPUTS), tuple(_TARGETS)


def target_of(kind: str) -> Target:
    """A small target of that kind."""
    return _TARGETS[kind]


def example_of(target: str) -> tuple[Target, Tensor, Tensor]:
    """A target, float64 scores that a network could emit for it, and the encoded truth.

    For targets of a single tensor that a loss is given as it is.
    """
    chosen = _TARGETS[target]
    random = torch.Generator().manual_seed(1)
    shape = (LENGTH if size is None else size for size in chosen.scores_shape)
    scores = torch.randn((BATCH_SIZE, *shape), generator=random, dtype=torch.float64)
    truth = _truth(chosen, _tokens(random))
    assert isinstance(truth, Tensor)
    return chosen, scores, truth.double() if truth.is_floating_point() else truth


def _specimens(entry: Architecture) -> Iterator[Specimen]:
    for kind in entry.accepts:
        for predicted in entry.predicts:
            if _OWN_INPUT.get(predicted, kind) == kind and (kind != "latent" or predicted == "sample"):
                target = _TARGETS[predicted]
                specs, inputs = _INPUTS[kind](entry)
                signature = Signature(specs, target, target.outputs)
                yield Specimen(kind, signature, Batch(inputs, _truth(target, inputs[0])))


Inputs = tuple[tuple[TensorSpec, ...], tuple[Tensor, ...]]


def _image(entry: Architecture) -> Inputs:
    # As with data: pictures that are smaller than the network can take are brought to its own size.
    side = SIDE if entry.min_image_size <= SIDE else entry.image_size or entry.min_image_size
    channels = len(entry.image_mean) or 3
    return _floats(TensorSpec("encoded_image", "image", "float32", (channels, side, side)))


def _video(entry: Architecture) -> Inputs:
    (image,), _ = _image(entry)
    channels, *sides = image.shape
    frames = entry.num_frames or _NUM_FRAMES
    return _floats(TensorSpec("encoded_video", "video", "float32", (channels, frames, *sides)))


def _vector(entry: Architecture) -> Inputs:
    return _floats(TensorSpec("encoded_vector", "vector", "float32", (8,)))


def _table(entry: Architecture) -> Inputs:
    (numbers,), (column,) = _floats(TensorSpec("encoded_numbers", "table", "float32", (6,)))
    category = TensorSpec("encoded_category", "table", "int64", (), 5)
    return (numbers, category), (column, torch.tensor([2, 3, 4, 0]))


def _text(entry: Architecture) -> Inputs:
    spec = TensorSpec("encoded_text", "tokens", "int64", (None,), NUM_TOKENS)
    return (spec,), (_tokens(torch.Generator().manual_seed(0)),)


def _series(entry: Architecture) -> Inputs:
    (series,), (rows,) = _floats(TensorSpec("encoded_series", "series", "float32", (None, 2)))
    lengths = torch.tensor([LENGTH, LENGTH, LENGTH - 2, LENGTH - 3])
    is_real = torch.arange(LENGTH) < lengths[:, None]
    spec = TensorSpec("encoded_lengths", "lengths", "int64", ())
    return (series, spec), (rows * is_real[:, :, None], lengths)


def _latent(entry: Architecture) -> Inputs:
    specs, inputs = _floats(TensorSpec("encoded_latent", "latent", "float32", (entry.latent_size,)))
    if not entry.is_conditional:
        return specs, inputs
    category = TensorSpec("encoded_label", "category", "int64", (), _NUM_LABELS + 2)
    return (*specs, category), (*inputs, torch.tensor([2, 3, 4, 2]))


_INPUTS = {
    "image": _image,
    "video": _video,
    "vector": _vector,
    "table": _table,
    "tokens": _text,
    "series": _series,
    "latent": _latent,
}


def _floats(spec: TensorSpec) -> Inputs:
    shape = (LENGTH if size is None else size for size in spec.shape)
    random = torch.Generator().manual_seed(0)
    return (spec,), (torch.randn((BATCH_SIZE, *shape), generator=random),)


def _tokens(random: torch.Generator) -> Tensor:
    """Tokens ``[batch, length]``, each row shorter than the one before but for the first two."""
    tokens = torch.randint(2, NUM_TOKENS, (BATCH_SIZE, LENGTH), generator=random)
    lengths = torch.tensor([LENGTH, LENGTH, LENGTH - 2, LENGTH - 3])
    return tokens * (torch.arange(LENGTH) < lengths[:, None])


def _truth(target: Target, first: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The encoded truth of four examples.

    Args:
        target: What is to be predicted.
        first: The first encoded input, from which next tokens are read.
    """
    random = torch.Generator().manual_seed(2)
    match target:
        case Classes():
            return torch.tensor([0, 1, 2, 0])
        case Binary():
            return torch.tensor([0.0, 1.0, 1.0, 0.0])
        case Labels():
            return torch.tensor([[0.0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1]])
        case Tokens():
            return torch.cat([first[:, 1:], torch.zeros_like(first[:, :1])], 1)
        case Values() | Forecast():
            return torch.randn((BATCH_SIZE, *target.scores_shape), generator=random)
        case Boxes():
            boxes = torch.tensor([[[4.0, 4, 20, 22], [14, 10, 30, 28]]]).expand(BATCH_SIZE, 2, 4)
            return torch.tensor([[0, 1], [1, 0], [0, -1], [1, -1]]), boxes.clone()
        case Mask():
            # What is bright: of pictures each pixel by itself, elsewhere by chance.
            side = first.shape[-1]
            values = first[:, 0] if first.ndim == 4 else torch.randn(BATCH_SIZE, side, side, generator=random)
            return (values > 0).long()
        case Sample():
            # Black and white blocks: nothing between that no share of white could answer for certain.
            blocks = torch.randint(0, 2, (BATCH_SIZE, target.channels, 2, 2), generator=random)
            side = _SAMPLE_SIDE // 2
            return (2.0 * blocks - 1).repeat_interleave(side, 2).repeat_interleave(side, 3)
        case Several(parts=parts):
            truths = [_truth(part, first) for part in parts]
            return tuple(each for each in truths if isinstance(each, Tensor))
    raise TypeError(f"{type(target).__name__} is not a target")


def longer(specimen: Specimen, num_steps: int) -> Specimen:
    """The same with so many steps of padding more."""
    first, *rest = specimen.batch.inputs
    padding = torch.zeros((len(first), num_steps, *first.shape[2:]), dtype=first.dtype)
    inputs = (torch.cat([first, padding], 1), *rest)
    return replace(specimen, batch=Batch(inputs, specimen.batch.target))


def of_size(specimen: Specimen, num_examples: int) -> tuple[Tensor, ...]:
    """Inputs of so many examples: those of the batch, over and over."""
    places = torch.arange(num_examples) % len(specimen.batch)
    return tuple(each[places] for each in specimen.batch.inputs)
