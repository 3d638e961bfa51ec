"""A player: one network that is trained, with what is its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.errors import PluginError
from zoo.training.sharding import are_spread


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
        average: Moving average of the weights, updated after each turn.
        scaler: Keeps gradients in half precision above the smallest number that it knows.
        called: What the objective calls: the network, or what spreads it over processes.
        base_rates: Learning rate by parameter group, before the schedule.
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
    base_rates: list[float] = field(init=False)
    is_sharded: bool = field(init=False)

    def __post_init__(self) -> None:
        self.called = self.module
        self.parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.is_sharded = are_spread(dict(self.module.named_parameters()))
        self.base_rates = [float(group.get("lr", 0.0)) for group in self.groups]

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
            if "lr" not in group:
                continue
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * factor)  # a compiled step reads it from where it stands
            else:
                group["lr"] = rate * factor

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
