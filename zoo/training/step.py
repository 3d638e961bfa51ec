"""One step: every turn of the objective, each followed by its player's update.

The trainer owns the reduction. A turn's values are summed over the micro-batches and divided once by
their count, so an update does not depend on how the batch was cut.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.contracts.examples import Batch, Turn, Turns
from zoo.errors import NumericsError, PluginError

Objective = Callable[[Mapping[str, torch.nn.Module], Batch], Turns]


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
        base_rates: Learning rate by parameter group, before the schedule.
    """

    name: str
    module: torch.nn.Module
    optimizer: torch.optim.Optimizer | None
    schedule: Callable[[int, int], float]
    needs_closure: bool = False
    clip_norm: float | None = None
    average: torch.optim.swa_utils.AveragedModel | None = None
    parameters: list[torch.nn.Parameter] = field(init=False)
    base_rates: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.base_rates = [float(group.get("lr", 0.0)) for group in self.groups]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's parameter groups; none of a frozen player."""
        return self.optimizer.param_groups if self.optimizer is not None else []

    def set_rate(self, step: int, num_steps: int) -> None:
        """Applies the schedule for this step."""
        factor = self.schedule(step, num_steps)
        for group, rate in zip(self.groups, self.base_rates, strict=True):
            if "lr" in group:
                group["lr"] = rate * factor


def play(
    players: Mapping[str, Player],
    objective: Objective,
    micro_batches: Sequence[Batch],
    *,
    seed: Callable[[], None],
) -> dict[str, torch.Tensor]:
    """Plays the turns of one step and updates each turn's player before the next turn is asked for.

    Args:
        players: By name.
        objective: Yields the turns for one micro-batch.
        micro_batches: The batch, cut into what fits at once.
        seed: Sets the random state of this step; called before every evaluation of the objective.

    Returns:
        Each player's mean loss in its last turn, 0-dimensional.

    Raises:
        NumericsError: A loss or a gradient is not finite; no weight was touched in that turn.
        PluginError: A turn names no player, or a loss came reduced.
    """
    models = {name: player.module for name, player in players.items()}
    seed()
    games = [objective(models, batch) for batch in micro_batches]
    losses: dict[str, list[torch.Tensor]] = {}
    # Micro-batches advance together: all of them finish a turn before its player moves.
    for place, turn in enumerate(games[0]):
        player, optimizer = _mover(turn, players)
        if player.needs_closure:
            loss = _update_by_closure(player, models, objective, micro_batches, place, seed)
        else:
            loss = _accumulate(player, turn, games[1:])
            _require_finite_gradient(player)
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.setdefault(player.name, []).append(loss)
        if player.average is not None:
            player.average.update_parameters(player.module)
    return {name: each[0] if len(each) == 1 else torch.stack(each).mean() for name, each in losses.items()}


def reduce(loss: Any) -> tuple[torch.Tensor, torch.Tensor | float]:
    """The sum of unreduced values, and what to divide it by.

    Raises:
        PluginError: The values were already reduced, or there are none.
    """
    values, weights = loss if isinstance(loss, tuple) else (loss, None)
    if values.ndim == 0:
        raise PluginError(
            "the loss returned a single number", fix="a loss returns unreduced values, the batch first"
        )
    if values.numel() == 0:
        raise PluginError("the loss returned no values")
    if weights is None:
        return values.sum(), float(values.numel())
    return (values * weights).sum(), weights.expand_as(values).sum()


def _mover(turn: Turn, players: Mapping[str, Player]) -> tuple[Player, torch.optim.Optimizer]:
    player = players.get(turn.player)
    if player is None:
        raise PluginError(
            f"the objective yields a turn for {turn.player!r}", fix=f"players: {', '.join(players)}"
        )
    if player.optimizer is None:
        raise PluginError(f"the objective yields a turn for {turn.player!r}, which is frozen")
    return player, player.optimizer


def _accumulate(player: Player, turn: Turn, others: Sequence[Turns]) -> torch.Tensor:
    """Gradients of the mean loss over all micro-batches, into the player's parameters."""
    total, count = _backward(turn, player, alone=not others)
    for other in others:
        part, part_count = _backward(_same_turn(other, player), player, alone=False)
        total, count = total + part, count + part_count
    if others:
        torch._foreach_div_(_gradients(player), float(count))
    return total / count


def _backward(turn: Turn, player: Player, *, alone: bool) -> tuple[torch.Tensor, torch.Tensor | float]:
    total, count = reduce(turn.loss)
    cost = total / count if alone else total
    if not torch.isfinite(cost.detach()):
        raise NumericsError(f"the loss of {player.name!r} is {cost.item()}")
    if cost.requires_grad:
        cost.backward(inputs=player.parameters)  # type: ignore[no-untyped-call]
    return total.detach(), count.detach() if isinstance(count, torch.Tensor) else count


def _same_turn(game: Turns, player: Player) -> Turn:
    turn = next(game, None)
    if turn is None or turn.player != player.name:
        raise PluginError("the objective's turns differ between micro-batches of one step")
    return turn


def _update_by_closure(
    player: Player,
    models: Mapping[str, torch.nn.Module],
    objective: Objective,
    micro_batches: Sequence[Batch],
    place: int,
    seed: Callable[[], None],
) -> torch.Tensor:
    """For optimizers that evaluate the loss again and again; each time is the same random state."""
    optimizer = player.optimizer
    assert optimizer is not None

    def closure() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        seed()
        games = [objective(models, batch) for batch in micro_batches]
        for game in games:
            for _ in range(place):
                next(game)
        loss = _accumulate(player, _same_turn(games[0], player), games[1:])
        _require_finite_gradient(player)
        return loss

    return torch.as_tensor(optimizer.step(closure)).detach()  # type: ignore[arg-type]


def _require_finite_gradient(player: Player) -> None:
    norm = torch.nn.utils.get_total_norm(_gradients(player))
    if not torch.isfinite(norm):
        raise NumericsError(f"the gradient of {player.name!r} is not finite: {_first_bad(player)}")
    if player.clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(player.parameters, player.clip_norm, norm)


def _gradients(player: Player) -> list[torch.Tensor]:
    gradients = [parameter.grad for parameter in player.parameters if parameter.grad is not None]
    if not gradients:
        raise PluginError(
            f"no gradient reaches {player.name!r}", fix="its turn must depend on its parameters"
        )
    return gradients


def _first_bad(player: Player) -> str:
    for name, parameter in player.module.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"first in {name}"
    return "its norm overflows"
