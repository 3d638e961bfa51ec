"""From the values of a turn, one or more an example, to their mean and its gradient."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.graph import _engine_run_backward

from zoo.errors import PluginError

_SINGLE = torch.float32.itemsize


def reduce(loss: Any) -> tuple[torch.Tensor, torch.Tensor | float]:
    """The sum of unreduced values, 0-dimensional, and what to divide it by.

    Raises:
        PluginError: The values were already reduced, or there are none.
    """
    values, weights = check_values(loss)
    if values.dtype.itemsize < _SINGLE:
        values = values.float()  # sums, and what gradients are scaled by, leave the range of halves
    if weights is None:
        return values.sum(), float(values.numel())
    return (values * weights).sum(), weights.expand_as(values).sum()


def mean(loss: Any) -> torch.Tensor:
    """The mean of unreduced values, 0-dimensional.

    Raises:
        PluginError: The values were already reduced, or there are none.
    """
    values, weights = check_values(loss)
    if weights is None and values.dtype.itemsize >= _SINGLE:
        return values.mean()  # what ``reduce`` comes to, with fewer operations
    total, count = reduce(loss)
    return total / count


def check_values(loss: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Unreduced values, and what each weighs if they do not weigh the same.

    Raises:
        PluginError: The values were already reduced, or there are none.
    """
    values, weights = loss if isinstance(loss, tuple) else (loss, None)
    if values.ndim == 0:
        raise PluginError(
            "the loss returned a single number", fix="a loss returns unreduced values, the batch first"
        )
    if not values.numel():
        raise PluginError("the loss returned no values")
    return values, None if weights is None else weights.detach()


def share(values: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """The gradient of their mean with respect to unreduced values: what each counts; at least single precision."""
    if weights is not None:
        weights = weights.expand_as(values)
        return weights / weights.sum()
    dtype = values.dtype if values.dtype.itemsize >= _SINGLE else torch.float32
    return torch.full_like(values, 1 / values.numel(), dtype=dtype)


def backward(values: torch.Tensor, gradient: torch.Tensor, inputs: Sequence[torch.nn.Parameter] = ()) -> None:
    """Adds to the gradients of all parameters, or of ``inputs`` alone.

    What ``torch.autograd.backward`` comes to. That one imports a library for symbolic mathematics to compare
    two shapes, which a start feels, and checks more, which a small step feels.

    Args:
        values: Where it begins.
        gradient: Of the same shape.
        inputs: Which parameters learn.
    """
    _engine_run_backward(
        (values,),
        (gradient.to(values.dtype),),
        False,
        False,
        tuple(inputs),
        allow_unreachable=True,
        accumulate_grad=True,
    )
