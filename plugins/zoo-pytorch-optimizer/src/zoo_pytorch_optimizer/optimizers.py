"""The factories of the entries: ``optimizers.lion``, made when it is asked for.

Each takes the library's own options, read from the signature of its class.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytorch_optimizer
import torch
from pytorch_optimizer.base.exception import NegativeLRError

from zoo.plugin import UsageError
from zoo_pytorch_optimizer import options, wiring

NamedParameters = Iterable[tuple[str, torch.Tensor]]


@cache
def classes() -> dict[str, type[torch.optim.Optimizer]]:
    """The library's optimizers by entry name, without those of PyTorch that it passes on."""
    return {
        name.lower(): value
        for name, value in sorted(vars(pytorch_optimizer).items(), key=lambda item: item[0].lower())
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and value.__module__.startswith(f"{pytorch_optimizer.__name__}.")
    }


def __getattr__(name: str) -> Callable[..., torch.optim.Optimizer]:
    """The factory of the entry of that name."""
    if name not in classes():
        raise AttributeError(f"pytorch-optimizer has no optimizer {name!r}")
    return _factory(name)


@cache
def _factory(name: str) -> Callable[..., torch.optim.Optimizer]:
    original = classes()[name]
    taken = options.options_of(original, wiring.own_options(original))

    def build(named_parameters: NamedParameters, **given: Any) -> torch.optim.Optimizer:
        try:
            return wiring.build(original, list(named_parameters), options.arguments(taken, given))
        except (ValueError, NegativeLRError) as error:
            raise UsageError(
                f"{original.__name__} refuses its options: {error}",
                fix=f"zoo show pytorch-optimizer/{name} lists them",
            ) from error

    build.__name__ = build.__qualname__ = name
    build.__doc__ = original.__doc__
    options.describe(build, taken)
    return build
