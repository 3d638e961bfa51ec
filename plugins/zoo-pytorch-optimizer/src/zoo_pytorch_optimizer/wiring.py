"""How an optimizer of the library is made from named parameters, and what Zoo needs besides.

Most take the parameters. The exceptions are few and told from the signatures: optimizers around another one
get one of PyTorch's; those around Muon get their parameters in two groups; AdamMini gets names too.
"""

import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from pytorch_optimizer.optimizer.muon import MuonBase

from zoo_pytorch_optimizer.states import Complete

Named = list[tuple[str, torch.Tensor]]
_Base = Literal["adam", "adamw", "nadam", "radam", "rmsprop", "sgd"]
_BASES: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
_ADAMW = ("*embed*",)


def own_options(original: type) -> list[inspect.Parameter]:
    """Options that the bridge takes for a class: of the optimizer inside of it, or of its two groups."""
    if wraps(original) or perturbs(original):
        return [
            _option("base", _Base, "adamw" if wraps(original) else "sgd"),
            _option("lr", float, 1e-3 if wraps(original) else 1e-1),
            *([] if "weight_decay" in _names(original) else [_option("weight_decay", float, 0.0)]),
        ]
    return [_option("adamw", tuple[str, ...], _ADAMW)] if issubclass(original, MuonBase) else []


def wraps(original: type) -> bool:
    """Whether it is made around another optimizer."""
    return next(iter(_names(original))) == "optimizer"


def perturbs(original: type) -> bool:
    """Whether it evaluates the loss at a second place and lets another optimizer take the step (SAM)."""
    return "base_optimizer" in _names(original)


def needs_closure(original: type) -> bool:
    """Whether its step evaluates the loss itself."""
    step: Any = inspect.unwrap(original.step)  # type: ignore[attr-defined]
    return "NoClosureError" in step.__code__.co_names


def build(original: type, named: Named, options: dict[str, Any]) -> torch.optim.Optimizer:
    """The optimizer, whose state dict holds all that decides how it goes on.

    Raises:
        ValueError: The class refuses an option.
    """
    bridged, parameters = _bridged(original), [parameter for _, parameter in named]
    if wraps(original):
        base = _BASES[options.pop("base")]
        # The weight decay is the wrapper's where it has one of its own.
        decay = 0.0 if "weight_decay" in _names(original) else options.pop("weight_decay")
        made = bridged(base(parameters, lr=options.pop("lr"), weight_decay=decay), **options)
    elif perturbs(original):
        base = _BASES[options.pop("base")]
        made = bridged(parameters, base_optimizer=base, **options)
    elif issubclass(original, MuonBase):
        made = bridged(_grouped(named, options.pop("adamw")), **options)
    elif next(iter(_names(original))) == "model":
        made = bridged(_Names(named), **options)
    else:
        made = bridged(parameters, **options)
    made.remember()
    return made  # type: ignore[no-any-return]


class _Names:
    """As much of a network as AdamMini asks for: its parameters' names."""

    def __init__(self, named: Named) -> None:
        self._named = named

    def named_parameters(self) -> Named:
        return self._named


@cache
def _bridged(original: type) -> Any:
    """A subclass with what this bridge adds."""
    added: dict[str, Any] = {"__doc__": original.__doc__, "__module__": __name__}
    if needs_closure(original):
        added["step"] = _evaluating_first(original) if perturbs(original) else _evaluating(original)
    elif any(getattr(inspect.getmodule(original), each, None) for each in ("random", "np")):
        added["step"] = _seeded(original)
    return type(original.__name__, (Complete, original), added)


def _evaluating_first(original: Any) -> Callable[..., Any]:
    """These want the gradients of the present weights before the step, which then evaluates once more."""

    def step(self: Any, closure: Callable[[], torch.Tensor]) -> torch.Tensor:
        with torch.enable_grad():
            loss = closure()
        original.step(self, closure)
        return loss

    return step


def _evaluating(original: Any) -> Callable[..., Any]:
    """These evaluate the loss, not all of them with gradients enabled."""

    def step(self: Any, closure: Callable[[], torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = original.step(self, torch.enable_grad()(closure))
        return loss

    return step


def _seeded(original: Any) -> Callable[..., Any]:
    """These draw from generators that are not PyTorch's: here such are seeded from it at each step."""

    def step(self: Any, closure: Callable[[], torch.Tensor] | None = None) -> Any:
        with _seeded_from_torch():
            return original.step(self, closure)

    return step


@contextmanager
def _seeded_from_torch() -> Iterator[None]:
    before = random.getstate(), np.random.get_state()
    seed = int(torch.randint(2**31, ()))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def _grouped(named: Named, adamw: tuple[str, ...]) -> list[dict[str, Any]]:
    """Hidden weights for the orthogonal update; biases, gains, embeddings and the last weights for AdamW.

    The library flattens filters of a convolution to matrices, so that they count as weights too.
    """
    weights = [name for name, parameter in named if parameter.ndim >= 2]
    hidden = {name for name in weights[:-1] if not any(fnmatch(name, pattern) for pattern in adamw)}
    groups = [
        {"params": [each for name, each in named if (name in hidden) == is_hidden], "use_muon": is_hidden}
        for is_hidden in (True, False)
    ]
    return [group for group in groups if group["params"]]


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _names(original: type) -> list[str]:
    return list(inspect.signature(original).parameters)
