"""Optimizers that ``torch.optim`` does not have as one; its own are registered as they are."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from typing import Annotated, Any

import torch
from torch import Tensor

from zoo.plugin import Ge, Gt, Lt


class Muon(torch.optim.Optimizer):
    """Muon for hidden weight matrices, AdamW for everything else (kellerjordan.github.io/posts/muon).

    Hidden matrices are the two-dimensional parameters but the last, which is the output layer, and those
    that ``adamw`` names. Biases, gains and embeddings get AdamW, as Muon's author recommends; convolution
    filters too, because PyTorch's Muon takes matrices only. Updates have the root mean square of AdamW's
    (arXiv:2502.16982, eq. 4), so that one learning rate and one weight decay serve both.

    Args:
        named_parameters: Pairs of name and parameter, in the network's order.
        lr: Learning rate.
        weight_decay: Decoupled weight decay.
        momentum: Muon's momentum.
        nesterov: Whether Muon's momentum is Nesterov's.
        ns_steps: Newton-Schulz iterations that orthogonalise an update.
        betas: Decay rates of AdamW's running means of the gradient and of its square.
        eps: AdamW's term that keeps the denominator above zero.
        adamw: Patterns of names of matrices that get AdamW, besides the output layer.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, Tensor]],
        *,
        lr: Annotated[float, Ge(0)] = 1e-3,
        weight_decay: Annotated[float, Ge(0)] = 0.1,
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.95,
        nesterov: bool = True,
        ns_steps: Annotated[int, Gt(0), Lt(100)] = 5,
        betas: tuple[Annotated[float, Ge(0), Lt(1)], Annotated[float, Ge(0), Lt(1)]] = (0.9, 0.95),
        eps: Annotated[float, Gt(0)] = 1e-8,
        adamw: tuple[str, ...] = ("*embed*",),
    ) -> None:
        hidden, others = _partition(list(named_parameters), adamw)
        self._parts: list[torch.optim.Optimizer] = []
        if hidden:
            self._parts.append(
                torch.optim.Muon(
                    hidden,
                    lr=lr,
                    weight_decay=weight_decay,
                    momentum=momentum,
                    nesterov=nesterov,
                    ns_steps=ns_steps,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        if others:
            self._parts.append(
                torch.optim.AdamW(others, lr=lr, weight_decay=weight_decay, betas=betas, eps=eps)
            )
        super().__init__([group for part in self._parts for group in part.param_groups], {"lr": lr})
        self._share()

    def _share(self) -> None:
        """Lets the parts work on this optimizer's groups and state: one learning rate, one state dict."""
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups = [group]
            part.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what ``state_dict`` gave."""
        super().load_state_dict(state_dict)
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter once; returns the loss of ``closure``, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss


def _partition(
    named_parameters: list[tuple[str, Tensor]], adamw: Iterable[str]
) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]]:
    """Hidden weight matrices, and all other parameters."""
    matrices = [name for name, parameter in named_parameters if parameter.ndim == 2]
    hidden = {name for name in matrices[:-1] if not any(fnmatch(name, pattern) for pattern in adamw)}
    return (
        [(name, parameter) for name, parameter in named_parameters if name in hidden],
        [(name, parameter) for name, parameter in named_parameters if name not in hidden],
    )
