"""Numbers that are not finite: found before an update, and told from where they come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from zoo.contracts.examples import Batch
from zoo.training.objectives import Objective
from zoo.training.sharding import are_spread, whole

_MAX_NAMED = 5


class Watch:
    """Remembers on the device whether any number that it was shown is not finite.

    What it found stays until it is forgotten. Where it is not asked at every step, a fused optimizer asks in
    its place: it leaves weights and state alone from the step on at which something was found.

    Attributes:
        found: float32, 0-dimensional, above 0 once a number was not finite; what PyTorch calls ``found_inf``.
    """

    def __init__(self, device: torch.device) -> None:
        self.found = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)

    def look(self, tensors: list[torch.Tensor]) -> None:
        """Looks at some tensors in one pass, without waiting for the device."""
        dtypes = {tensor.dtype for tensor in tensors}
        for dtype in dtypes:
            alike = tensors if len(dtypes) == 1 else [each for each in tensors if each.dtype == dtype]
            torch._amp_foreach_non_finite_check_and_unscale_(alike, self.found, self._one)

    def has_found(self) -> bool:
        """Whether anything was; waits for the device."""
        return self.found.item() > 0

    def forget(self) -> None:
        """Starts anew."""
        self.found.zero_()


class Buffers:
    """Buffers that a forward pass changes, such as running statistics: what they were before a step."""

    def __init__(self, modules: Sequence[torch.nn.Module]) -> None:
        self._tensors = [buffer for module in modules for buffer in module.buffers()]
        self._before = [tensor.clone() for tensor in self._tensors]

    def keep(self) -> None:
        """Remembers how they are now."""
        if self._tensors:
            torch._foreach_copy_(self._before, self._tensors)

    def restore(self) -> None:
        """Puts them back."""
        if self._tensors:
            torch._foreach_copy_(self._tensors, self._before)


def first_bad_weight(models: Mapping[str, torch.nn.Module]) -> str:
    """The first parameter that is not finite, or the first buffer with NaN in it; empty where there is none.

    Infinity in a buffer may be meant: a mask of attention holds it.
    """
    for player, module in models.items():
        for name, parameter in module.named_parameters():
            if not whole(torch.isfinite(parameter).all()):
                return f"parameter {name} of {player!r}"
        for name, buffer in module.named_buffers():
            if torch.isnan(buffer).any():
                return f"buffer {name} of {player!r}"
    return ""


def diagnose(
    objective: Objective,
    models: Mapping[str, torch.nn.Module],
    micro_batches: Sequence[Batch],
    ids: Sequence[str],
) -> str:
    """Which examples and which tensor were the first not to be finite, found by playing the step again.

    Args:
        objective: Plays the turns; no player moves.
        models: By player, as they were before the step.
        micro_batches: The batch.
        ids: Where its examples stand.
    """
    start = 0
    is_spread = any(are_spread(dict(module.named_parameters())) for module in models.values())
    for batch in micro_batches:
        own = ids[start : start + len(batch)]
        start += len(batch)
        for place, tensor in enumerate(batch.inputs):
            if names := _bad_rows(tensor, own):
                return f"input {place + 1} of {names} is not finite"
        if is_spread:  # to play it again takes every process, and each looks at examples of its own
            continue
        with _first_bad_output(models) as found, torch.no_grad():
            rows = _bad_losses(objective, models, batch, own)
        if found or rows:
            where = [f"the first bad tensor is {found[0]}"] if found else []
            return "; ".join([*where, f"examples {rows}" if rows else _span(own)])
    return _span(ids)


def _span(ids: Sequence[str]) -> str:
    return f"the batch holds {ids[0]} … {ids[-1]}"


def _bad_losses(
    objective: Objective, models: Mapping[str, torch.nn.Module], batch: Batch, ids: Sequence[str]
) -> str:
    for turn in objective(models, batch):
        values = turn.loss[0] if isinstance(turn.loss, tuple) else turn.loss
        if names := _bad_rows(values, ids):
            return names
    return ""


def _bad_rows(values: Any, ids: Sequence[str]) -> str:
    """The examples along whose row something is not finite, if rows are examples."""
    if not isinstance(values, torch.Tensor) or not values.is_floating_point() or len(values) != len(ids):
        return ""
    is_bad = ~torch.isfinite(values).reshape(len(values), -1).all(1)
    names = [ids[int(row)] for row in is_bad.nonzero()[: _MAX_NAMED + 1]]
    more = f" and {int(is_bad.sum()) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


@contextmanager
def _first_bad_output(models: Mapping[str, torch.nn.Module]) -> Iterator[list[str]]:
    """The first parameter, or else the first layer's output, that is not finite."""
    found = [bad] if (bad := first_bad_weight(models)) else []

    def hook(name: str) -> Callable[..., None]:
        def look(module: torch.nn.Module, _: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) else output
            is_bad = isinstance(first, torch.Tensor) and not torch.isfinite(first).all()
            # Modules end from the inside out, so the innermost one is the first to be heard.
            if is_bad and not found:
                found.append(f"the output of {name} ({type(module).__name__})")

        return look

    handles = [
        part.register_forward_hook(hook(f"{player!r} {name}".rstrip()))
        for player, module in models.items()
        for name, part in module.named_modules()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
