"""Backpropagation through so many steps, and no further."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from torch import Tensor, nn

from zoo.plugin import Batch, Ge, Turn, Turns


def truncated(
    models: Mapping[str, nn.Module],
    batch: Batch,
    loss: Callable[[Any, Any], Any],
    *,
    length: Annotated[int, Ge(1)] = 64,
) -> Turns:
    """Truncated backpropagation through time (Williams and Peng 1990, doi:10.1162/neco.1990.2.4.490).

    A batch of long texts is cut along time. Each part is a turn: it starts from the state that the part
    before ended in, and its gradient stops there. Without a next token to predict this is plain supervised
    learning; ``model.truncation`` then bounds how far a gradient reaches back.

    Args:
        models: The network is ``"model"``.
        batch: Encoded texts and their next tokens, or anything else to learn.
        loss: Gives unreduced values.
        length: Tokens of a part at most; the parts of a batch are as equal as can be.
    """
    model = models["model"]
    if not _is_text_to_continue(batch):
        yield Turn("model", loss(model(*batch.inputs), batch.target))
    elif not model.training:
        logits, *_ = model(batch.inputs[0])
        yield Turn("model", loss(logits, batch.target))
    else:
        state: tuple[Tensor, ...] = ()
        for tokens, target in _parts(batch.inputs[0], batch.target, length):
            logits, *state = model(tokens, *state)
            yield Turn("model", loss(logits, target))
            state = tuple(each.detach() for each in state)


def _is_text_to_continue(batch: Batch) -> bool:
    target, tokens = batch.target, batch.inputs[0]
    return isinstance(target, Tensor) and not target.is_floating_point() and target.shape == tokens.shape


def _parts(tokens: Tensor, target: Tensor, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens and targets ``[batch, steps]`` part by part, up to the last step at which a target is known."""
    num_steps = int((target != 0).any(0).sum())
    size = math.ceil(num_steps / max(1, math.ceil(num_steps / length)))
    for start in range(0, num_steps, max(1, size)):
        part = slice(start, min(start + size, num_steps))
        yield tokens[:, part], target[:, part]
