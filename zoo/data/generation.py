"""Labelled pictures as examples for a generator: a latent vector, and perhaps a label, in; a picture out."""

import numpy as np

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Sample
from zoo.contracts.tensors import TensorSpec
from zoo.data.batches import derive_seed
from zoo.errors import DataError

LATENT = "latent"
LABEL = "label"


def as_samples(splits: Splits, *, latent_size: int, is_conditional: bool, seed: int) -> Splits:
    """The same splits with the pictures as truth.

    Each example gets a latent vector from N(0, 1) that depends on the seed and its place; training draws
    new ones in each step.

    Args:
        splits: Pictures, with their labels or without.
        latent_size: Numbers in a latent vector.
        is_conditional: Whether the label is an input too.
        seed: Decides the latent vectors.

    Raises:
        DataError: The data holds no pictures, or no label to ask for.
    """
    (picture, *others), target = splits.signature.inputs, splits.signature.target
    if picture.kind != "image" or others:
        kinds = ", ".join(f"{spec.kind} {spec.name!r}" for spec in splits.signature.inputs)
        raise DataError(
            f"the network generates pictures, and the data gives {kinds}", fix="give a folder of pictures"
        )
    if is_conditional and target.kind not in ("classes", "binary"):
        raise DataError(
            f"the network generates a picture of a label, and the data's target is {target.kind}",
            fix="give class folders of pictures, or choose the network that takes no label",
        )
    latent = TensorSpec(LATENT, "latent", "float32", (latent_size,))
    label = TensorSpec(LABEL, "category", "string", ())
    channels = picture.shape[2]
    assert channels is not None
    signature = Signature(
        (latent, label) if is_conditional else (latent,), Sample(channels, name=picture.name)
    )
    parts = {
        role: part and _examples(part, picture.name, latent, is_conditional, derive_seed(seed, LATENT, role))
        for role, part in (("train", splits.train), ("validation", splits.validation), ("test", splits.test))
    }
    train = parts["train"]
    assert train is not None
    return Splits(signature, train, parts["validation"], parts["test"])


def _examples(given: Examples, picture: str, latent: TensorSpec, is_conditional: bool, seed: int) -> Examples:
    drawn = np.random.default_rng(seed).standard_normal((len(given), *latent.shape), np.float32)  # type: ignore[arg-type]
    inputs = {LATENT: drawn, **({LABEL: given.target} if is_conditional else {})}
    return Examples(inputs, given.inputs[picture], given.ids)
