"""One player's step as one graph."""

from collections.abc import Sequence

import torch
import torch._dynamo

from zoo.contracts.examples import Batch
from zoo.errors import NumericsError
from zoo.training.graphs import Graph, forget_graphs
from zoo.training.player import Player
from zoo.training.reduction import mean
from zoo.training.step import Step
from zoo.training.updating import traceable_update_of


class WholeStep:
    """One player's turn as one graph.

    A step that is not finite is undone inside of the graph: each number that it changes is chosen there
    between what it was and what it would become.
    """

    def __init__(self, step: Step, *, defers: bool, is_ragged: bool) -> None:
        self._step = step
        [self._player] = [player for player in step.players.values() if player.optimizer is not None]
        self._rates = [group.get("lr") for group in self._player.groups]
        assert self._player.optimizer is not None
        self._update = traceable_update_of(self._player.optimizer)
        self._learning: list[torch.nn.Parameter] = []
        device = self._player.parameters[0].device
        step.defers = defers
        # On the CPU all norms at once are a call out of the graph; one by one they are part of its loops.
        self._foreach = False if device.type == "cpu" else None
        # CUDA graphs are captured once a shape: where every batch has one of its own, that never pays.
        self._captures = device.type == "cuda" and not is_ragged
        forget_graphs()
        self._graph = Graph(self._play, captures=self._captures, dynamic=is_ragged)

    def __call__(self, micro_batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
        """Plays one step.

        Raises:
            NumericsError: The loss or a gradient is not finite; nothing moved.
        """
        [batch] = micro_batches
        player, step = self._player, self._step
        if not self._learning:
            self._prepare(batch)
        step.seed()
        loss = self._graph(batch)
        if self._captures:
            loss = loss.clone()  # the next replay writes into it
        if not step.defers and step.watch.has_found():
            step.watch.forget()
            raise NumericsError(
                f"the loss of {player.name!r} is {loss.item()}, or its gradient is not finite"
            )
        player.follow()
        return {player.name: loss}

    def look_again(self) -> None:
        """Something else ran: what the graph takes for granted is checked again."""
        self._graph.look_again()

    def give_up(self) -> None:
        """As it was, for a step that is not compiled."""
        self._player.drop_gradients()
        self._step.defers = False
        for group, rate in zip(self._player.groups, self._rates, strict=True):
            if rate is not None:
                group["lr"] = rate

    def _prepare(self, batch: Batch) -> None:
        """Gradients that stay where they are, and learning rates that the graph reads instead of holding."""
        player, step = self._player, self._step
        step.seed()
        with step.without_trace():
            [turn] = list(step.objective(step.models, batch))
            gradients = torch.autograd.grad(mean(turn.loss), player.parameters, allow_unused=True)
        for parameter, gradient in zip(player.parameters, gradients, strict=True):
            # One that gets no gradient has none, and the optimizer leaves it alone.
            if gradient is not None:
                parameter.grad = torch.zeros_like(parameter)
                self._learning.append(parameter)
        for group in player.groups:
            if group.get("lr") is not None:
                group["lr"] = torch.tensor(float(group["lr"]), device=player.parameters[0].device)
        rates = [group["lr"] for group in player.groups if group.get("lr") is not None]
        gradients_kept = [parameter.grad for parameter in self._learning]
        # A CUDA graph may change only what it is told stays where it is.
        for tensor in (*_changed(player), *gradients_kept, *rates, step.watch.found, step.num_bad):
            torch._dynamo.mark_static_address(tensor)

    def _play(self, batch: Batch) -> torch.Tensor:
        player, watch = self._player, self._step.watch
        changed = _changed(player)
        before = [tensor.clone() for tensor in changed]
        [turn] = list(self._step.objective(self._step.models, batch))
        loss = mean(turn.loss)
        gradients = torch.autograd.grad(loss, self._learning)
        with torch.no_grad():
            norm = torch.nn.utils.get_total_norm(gradients, foreach=self._foreach)
            for parameter, gradient in zip(self._learning, gradients, strict=True):
                parameter.grad.copy_(gradient * _clipping(norm, player.clip_norm))  # type: ignore[union-attr]
            is_good = torch.isfinite(loss) & torch.isfinite(norm) & (watch.found == 0)
            self._update()
            for tensor, old in zip(changed, before, strict=True):
                tensor.copy_(torch.where(is_good, tensor, old))
            watch.found.copy_((~is_good).to(watch.found.dtype))
            self._step.num_bad.add_(~is_good)
        return loss.detach()


def _changed(player: Player) -> list[torch.Tensor]:
    """All that a step changes."""
    assert player.optimizer is not None
    state = [
        value
        for parameter in player.parameters
        for value in player.optimizer.state.get(parameter, {}).values()
        if isinstance(value, torch.Tensor)
    ]
    return [*player.parameters, *player.module.buffers(), *state]


def _clipping(norm: torch.Tensor, clip_norm: float | None) -> torch.Tensor | float:
    return 1.0 if clip_norm is None else (clip_norm / (norm + 1e-6)).clamp(max=1.0)
