"""Generates: continues texts token by token, and draws what a generator of samples starts from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Sample
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, UsageError, did_you_mean
from zoo.runtime.batches import Array, Column
from zoo.runtime.sessions import Session

_NUM_SPECIAL = 2
"""Padding and unknown, which are no text."""


@dataclass(frozen=True)
class Draws:
    """How a text is continued.

    Attributes:
        prompt: What is continued.
        max_tokens: How many tokens are added.
        temperature: Divides the logits; 0 takes the likeliest token.
        seed: Decides the draws.

    Raises:
        UsageError: A number is out of range.
    """

    prompt: str
    max_tokens: int
    temperature: float
    seed: int

    def __post_init__(self) -> None:
        if self.max_tokens < 0 or not 0 <= self.temperature < np.inf or self.seed < 0:
            raise UsageError(
                f"max_tokens={self.max_tokens}, temperature={self.temperature}, seed={self.seed}: "
                "none of them can be negative, and the temperature is finite",
                fix="for example --max-tokens 200 --temperature 0.8 --seed 7",
            )


def initial_states(states: Sequence[TensorSpec], batch_size: int) -> dict[str, Array]:
    """The states of a language model before its first text: zeros."""
    return {spec.name: np.zeros((batch_size, *_sizes(spec)), spec.dtype) for spec in states}


def continue_text(
    session: Session,
    name: str,
    states: Sequence[TensorSpec],
    vocabulary: Sequence[str],
    draws: Draws,
) -> Iterator[str]:
    """Yields the pieces that are added to a prompt.

    Args:
        session: A language model.
        name: Its input of text.
        states: What it hands from one text to the next.
        vocabulary: The token of each number.
        draws: How to go on.

    Raises:
        DataError: The prompt is empty.
    """
    if not draws.prompt.strip("\0"):
        raise DataError(
            "the prompt is empty; there is nothing to continue", fix='for example --prompt "Once"'
        )
    random = np.random.default_rng(draws.seed)
    joint = "" if all(len(token) <= 1 for token in vocabulary) else " "
    text, state = draws.prompt, initial_states(states, 1)
    names = ["probabilities", *(f"next_{spec.name}" for spec in states)]
    for _ in range(draws.max_tokens):
        probabilities, *after = session.run(names, {name: np.array([text], object), **state})
        state = {spec.name: each for spec, each in zip(states, after, strict=True)}
        text = vocabulary[_draw(probabilities[0], draws.temperature, random)]
        yield joint + text


def _draw(probabilities: Array, temperature: float, random: np.random.Generator) -> int:
    known = np.asarray(probabilities[_NUM_SPECIAL:], np.float64)
    if temperature == 0:
        return _NUM_SPECIAL + int(known.argmax())
    with np.errstate(divide="ignore"):
        logits = np.log(known) / temperature
    weights = np.exp(logits - logits.max())
    return _NUM_SPECIAL + int(random.choice(len(known), p=weights / weights.sum()))


def draw_latents(
    signature: Signature, labels: Sequence[str], count: int, seed: int, label: str | None
) -> dict[str, Column]:
    """Latent vectors from N(0, 1), and for each the label asked for, or all labels in turn.

    Raises:
        UsageError: The model generates no samples, takes no label, or does not know this one.
    """
    if not isinstance(signature.target, Sample):
        raise UsageError(
            f"the model answers {signature.target.kind}; it generates no samples", fix="leave --samples out"
        )
    if count < 1 or seed < 0:
        raise UsageError(
            f"{count} samples with seed {seed}: at least one, and a seed from 0 up",
            fix="for example --samples 64 --seed 7",
        )
    latent, *conditions = signature.inputs
    if label is not None and label not in labels:
        fix = did_you_mean(label, labels) if conditions else "leave --label out"
        raise UsageError(f"the model generates no {label!r}", fix=fix)
    drawn: Any = np.random.default_rng(seed).standard_normal((count, *_sizes(latent)))
    inputs: dict[str, Column] = {latent.name: drawn.astype(np.float32)}
    for spec in conditions:
        asked = [label if label is not None else labels[place % len(labels)] for place in range(count)]
        inputs[spec.name] = np.array(asked, object)
    return inputs


def _sizes(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(size for size in spec.shape if size is not None)
