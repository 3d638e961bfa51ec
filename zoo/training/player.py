"""A player: one network that is trained, with what is its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

import torch

from zoo.errors import PluginError
from zoo.training.sharding import are_spread


class TwoModes(Protocol):
    """An optimizer that has one set of weights to learn with and another to answer with (schedule-free)."""

    def train(self) -> None:
        """Puts in the weights to learn with."""

    def eval(self) -> None:
        """Puts in the weights to answer with."""


def has_two_modes(optimizer: Any) -> TypeGuard[TwoModes]:
    """Whether an optimizer is such."""
    return callable(getattr(optimizer, "train", None)) and callable(getattr(optimizer, "eval", None))


@dataclass
class Player:
    """One network with its own parameters, optimizer and schedule.

    Attributes:
        name: As turns call it.
        module: The network.
        optimizer: Holds the parameters; a player without one is frozen and takes no turn.
        schedule: Factor of the learning rate by ``(step, num_steps)``.
        needs_closure: The optimizer evaluates the loss itself.
        clip_norm: Largest gradient norm.
        average: The weights that answer, where those are not the ones that learn: their moving average, or
            what the optimizer has for it.
        scaler: Keeps gradients in half precision above the smallest number that it knows.
        called: What the objective calls: the network, or what spreads it over processes.
        base_rates: Learning rate by parameter group, before the schedule; ``None`` where there is none, since
            the optimizer finds its own.
        is_sharded: Whether its weights are spread over processes.
    """

    name: str
    module: torch.nn.Module
    optimizer: torch.optim.Optimizer | None
    schedule: Callable[[int, int], float]
    needs_closure: bool = False
    clip_norm: float | None = None
    average: torch.optim.swa_utils.AveragedModel | None = None
    scaler: torch.amp.GradScaler | None = None
    called: torch.nn.Module = field(init=False)
    parameters: list[torch.nn.Parameter] = field(init=False)
    base_rates: list[float | None] = field(init=False)
    is_sharded: bool = field(init=False)

    def __post_init__(self) -> None:
        if has_two_modes(self.optimizer):
            self.optimizer.train()
        self.called = self.module
        self.parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.is_sharded = are_spread(dict(self.module.named_parameters()))
        rates = [group.get("lr") for group in self.groups]
        self.base_rates = [None if rate is None else float(rate) for rate in rates]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's parameter groups; none of a frozen player."""
        return self.optimizer.param_groups if self.optimizer is not None else []

    @property
    def is_gated(self) -> bool:
        """Whether the optimizer itself leaves everything alone once a number was not finite."""
        return getattr(self.optimizer, "_step_supports_amp_scaling", False)

    def set_rate(self, step: int, num_steps: int) -> None:
        """Applies the schedule for this step."""
        factor = self.schedule(step, num_steps)
        for group, rate in zip(self.groups, self.base_rates, strict=True):
            if rate is None:
                continue
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * factor)  # a compiled step reads it from where it stands
            else:
                group["lr"] = rate * factor

    def follow(self) -> None:
        """After a turn: the moving average learns of the new weights."""
        if self.average is not None and not has_two_modes(self.optimizer):
            self.average.update_parameters(self.module)

    def settle(self) -> None:
        """Before it answers or is saved: an optimizer that has other weights for that is asked for them.

        The weights that learn are put back as they were, in every bit, so that training does not depend on
        when it was looked at.
        """
        if self.average is None or not has_two_modes(self.optimizer):
            return
        learning = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer.eval()
        answering, learned = self.average.module.state_dict(), self.module.state_dict()
        for name, tensor in answering.items():
            tensor.copy_(learned[name])
        self.optimizer.train()
        for parameter, before in zip(self.parameters, learning, strict=True):
            parameter.data.copy_(before)

    def gradients(self) -> list[torch.Tensor]:
        """The gradients that there are.

        Raises:
            PluginError: There is none.
        """
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if not gradients:
            raise PluginError(
                f"no gradient reaches {self.name!r}", fix="its turn must depend on its parameters"
            )
        return gradients

    def drop_gradients(self) -> None:
        """As before the turn."""
        for parameter in self.parameters:
            parameter.grad = None
