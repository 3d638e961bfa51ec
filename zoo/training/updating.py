"""An optimizer's update without what PyTorch wraps around it for its profiler and its compiler.

The wrappers cost a small network a part of each step, and the first one imports the compiler. What is inside of them is the optimizer's own code, called as ever.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def update_of(optimizer: Optimizer) -> Callable[[], Any]:
    """What makes one update of an optimizer whose gradients are there."""
    update = _own_step(optimizer)
    if update is None:
        return optimizer.step

    def make() -> Any:
        with torch.no_grad():
            return update(optimizer)

    return make


def traceable_update_of(optimizer: Optimizer) -> Callable[[], Any]:
    """The same for the compiler, which ends its graph at the wrappers."""
    update = _own_step(optimizer)
    return optimizer.step if update is None else lambda: update(optimizer)


def leave_compiler_alone() -> None:
    """Lets optimizers be made and saved without the compiler, which they else import to be exempt from it."""
    for name in _WRAPPED:
        function = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if function is not None:
            vars(function).setdefault("__dynamo_disable", function)


def _own_step(optimizer: Optimizer) -> Callable[[Optimizer], Any] | None:
    """``step`` as its class defines it; ``None`` where something else was wrapped around it, or listens."""
    step: Any = type(optimizer).step
    listeners = (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks)
    if not getattr(step, "hooked", False) or any(listeners) or optimizer.defaults.get("differentiable"):
        return None
    inner: Any = step.__wrapped__
    return inner.__wrapped__ if _sets_grad_mode(inner) else inner  # type: ignore[no-any-return]


def _sets_grad_mode(function: Any) -> bool:
    """Whether this is the wrapper that PyTorch's own optimizers have besides."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_name == "_use_grad" and code.co_filename == _FILE


_FILE = inspect.getfile(Optimizer)
