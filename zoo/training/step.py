"""One step: every turn of the objective, each followed by its player's update.

The trainer owns the reduction. A turn's values are summed over the micro-batches and over the processes,
and divided once by their count, so an update does not depend on how the batch was cut.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

from zoo.contracts.examples import Batch, Turn, Turns
from zoo.errors import NumericsError, PluginError
from zoo.training.distributed import Team
from zoo.training.finite import Buffers, Watch
from zoo.training.objectives import Objective
from zoo.training.player import Player
from zoo.training.reduction import backward, check_values, mean, reduce, share
from zoo.training.sharding import whole
from zoo.training.updating import update_of


class Step:
    """Plays the turns of one step and updates each turn's player before the next turn is asked for.

    Args:
        players: By name.
        objective: Yields the turns for one micro-batch.
        seed: Sets the random state of this step; called before every evaluation of the objective.
        team: The processes that share the step.
        defers: Whether numbers that are not finite may be found some steps later, without waiting for
            the device at each; for players whose optimizers are gated.

    Attributes:
        players: By name.
        models: What the objective calls, by player.
        watch: What it has seen of numbers that are not finite.
        num_bad: Steps from the first one on that was not, where it is found later.
    """

    def __init__(
        self,
        players: Mapping[str, Player],
        objective: Objective,
        *,
        seed: Callable[[], None] = lambda: None,
        team: Team | None = None,
        defers: bool = False,
    ) -> None:
        self.players = players
        self.team = team or Team()
        self.models = {name: player.called for name, player in players.items()}
        self.objective, self.seed = objective, seed
        self._trained = [player for player in players.values() if player.optimizer is not None]
        self.watch = Watch(self._trained[0].parameters[0].device)
        self._buffers = Buffers([player.module for player in players.values()])
        self.defers = defers
        self._updates = {each.name: update_of(each.optimizer) for each in self._trained if each.optimizer}
        self.num_bad = torch.zeros((), device=self.watch.found.device)
        if defers:
            for player in self._trained:
                player.optimizer.found_inf = self.watch.found  # type: ignore[union-attr]

    def __call__(self, micro_batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
        """Plays one step.

        Args:
            micro_batches: The batch, cut into what fits at once.

        Returns:
            Each player's mean loss in its last turn, 0-dimensional.

        Raises:
            NumericsError: A loss or a gradient is not finite; in that turn neither weights nor buffers moved.
            PluginError: A turn names no player, or a loss came reduced.
        """
        if self.defers:
            return self._play(micro_batches)
        self._buffers.keep()
        try:
            return self._play(micro_batches)
        except NumericsError:
            self._buffers.restore()
            self.watch.forget()
            for player in self._trained:
                player.drop_gradients()
            raise

    def num_bad_steps(self) -> int:
        """How many steps ago one was not finite, where that is found later; 0 if all were.

        Waits for the device, so it is asked from time to time.
        """
        return int(self.num_bad) if self.defers else 0

    @contextmanager
    def without_trace(self) -> Iterator[None]:
        """What is played inside leaves buffers as they were."""
        self._buffers.keep()
        try:
            yield
        finally:
            self._buffers.restore()

    def _play(self, micro_batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
        self.seed()
        games = [self.objective(self.models, batch) for batch in micro_batches]
        losses: dict[str, list[torch.Tensor]] = {}
        place = 0
        # Micro-batches advance together: all of them finish a turn before its player moves.
        while (turn := self._next(games, 0)) is not None:
            player, optimizer = self._mover(turn)
            if player.needs_closure:
                loss = self._update_by_closure(player, optimizer, micro_batches, place)
            else:
                loss = self._gather(player, turn, games)
                self._require_finite(player, loss)
                self._update(player, optimizer)
            player.drop_gradients()
            losses.setdefault(player.name, []).append(loss)
            player.follow()
            place += 1
        if self.defers:
            self.num_bad.add_(self.watch.found > 0)
        self.team.align(self.models)
        return {
            name: each[0] if len(each) == 1 else torch.stack(each).mean() for name, each in losses.items()
        }

    def _next(self, games: Sequence[Turns], number: int) -> Turn | None:
        if self.team.is_several:
            self.team.exchange_after(self.models, is_last=number == len(games) - 1)
        return next(games[number], None)

    def _mover(self, turn: Turn) -> tuple[Player, torch.optim.Optimizer]:
        player = self.players.get(turn.player)
        if player is None:
            raise PluginError(
                f"the objective yields a turn for {turn.player!r}", fix=f"players: {', '.join(self.players)}"
            )
        if player.optimizer is None:
            raise PluginError(f"the objective yields a turn for {turn.player!r}, which is frozen")
        return player, player.optimizer

    def _gather(self, player: Player, turn: Turn, games: Sequence[Turns]) -> torch.Tensor:
        """Gradients of the mean loss over all micro-batches and processes, into the player's parameters."""
        if len(games) == 1 and not self.team.is_several:
            values, weights = check_values(turn.loss)
            self._backward(values, share(values, weights), player)
            return mean((values.detach(), weights))
        total, count = self._backward_sum(turn, player)
        for number in range(1, len(games)):
            other = self._next(games, number)
            if other is None or other.player != player.name:
                raise PluginError("the objective's turns differ between micro-batches of one step")
            part, part_count = self._backward_sum(other, player)
            total, count = total + part, count + part_count
        return self.team.reduce(player.called, player.gradients(), total, count)

    def _backward_sum(self, turn: Turn, player: Player) -> tuple[torch.Tensor, torch.Tensor | float]:
        total, count = reduce(turn.loss)
        if self.team.is_idle:
            self._backward(total, torch.zeros_like(total), player)
            return torch.zeros_like(total), 0.0
        self._backward(total, torch.ones_like(total), player)
        return total.detach(), count

    def _backward(self, values: torch.Tensor, gradient: torch.Tensor, player: Player) -> None:
        if values.requires_grad:
            # Where others learn too, they must not learn from this turn.
            inputs = player.parameters if len(self._trained) > 1 else ()
            backward(values, player.scaler.scale(gradient) if player.scaler else gradient, inputs)

    def _update(self, player: Player, optimizer: torch.optim.Optimizer) -> None:
        if player.scaler is None:
            self._updates[player.name]()
            return
        player.scaler.step(optimizer)
        player.scaler.update()

    def _update_by_closure(
        self, player: Player, optimizer: torch.optim.Optimizer, micro_batches: Sequence[Batch], place: int
    ) -> torch.Tensor:
        """For optimizers that evaluate the loss again and again; each time is the same random state."""

        def closure() -> torch.Tensor:
            player.drop_gradients()
            self.seed()
            games = [self.objective(self.models, batch) for batch in micro_batches]
            for _ in range(place):
                for number in range(len(games)):
                    self._next(games, number)
            turn = self._next(games, 0)
            if turn is None or turn.player != player.name:
                raise PluginError("the objective's turns differ between evaluations of one step")
            loss = self._gather(player, turn, games)
            self._require_finite(player, loss)
            return loss

        return torch.as_tensor(optimizer.step(closure)).detach()  # type: ignore[arg-type]

    def _require_finite(self, player: Player, loss: torch.Tensor) -> None:
        gradients = player.gradients()
        if player.scaler is not None and player.optimizer is not None:
            # The scaler looks at the gradients itself: overflow is what it is there for.
            player.scaler.unscale_(player.optimizer)
            self._clip(player, gradients)
            self.watch.look([loss])
        else:
            norm = self._clip(player, gradients)
            self.watch.look([loss, *(gradients if norm is None else [whole(norm)])])
        if not self.defers and self.watch.has_found():
            if not torch.isfinite(loss):
                raise NumericsError(f"the loss of {player.name!r} is {loss.item()}")
            raise NumericsError(f"the gradient of {player.name!r} is not finite: {_first_bad(player)}")

    def _clip(self, player: Player, gradients: list[torch.Tensor]) -> torch.Tensor | None:
        """Clips, if it is asked for; the norm where it was needed: of spread gradients no process knows all."""
        if player.clip_norm is None and not player.is_sharded:
            return None
        norm = torch.nn.utils.get_total_norm(gradients)
        if player.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(player.parameters, player.clip_norm, norm)
        return norm


def _first_bad(player: Player) -> str:
    for name, parameter in player.module.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"first in {name}"
    return "its norm overflows"
