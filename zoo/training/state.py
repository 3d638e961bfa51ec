"""What a run remembers between steps, and how it becomes a checkpoint and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.contracts.recipe import Recipe
from zoo.contracts.typed import require_types
from zoo.training import sharding, trees
from zoo.training.checkpoints import Checkpoint
from zoo.training.evaluation import LAST, Judge
from zoo.training.player import Player


@dataclass
class Position:
    """Where training stands, and what it must remember; saved with every checkpoint.

    Attributes:
        epoch: Epochs completed.
        batch: Batches completed in the current epoch.
        step: Steps completed in all.
        totals: By player, the sum of this epoch's step losses.
        num_skipped: Steps that were skipped, since something in them was not finite.
        num_skipped_now: Of these, those of the current epoch.
        num_skipped_in_a_row: Of these, those since the last one that was not.
        best_step: Step of the best validation so far.
        best_value: Its metric.
        best_loss: Its loss, which decides between equal metrics.
        num_worse: Validations since.
        thresholds: Of labels, the probabilities from which the best answers each, tuned on validation.
        logged_bytes: Length of ``metrics.jsonl``.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    totals: dict[str, float] = field(default_factory=dict)
    num_skipped: int = 0
    num_skipped_now: int = 0
    num_skipped_in_a_row: int = 0
    best_step: int | None = None
    best_value: float | None = None
    best_loss: float | None = None
    num_worse: int = 0
    thresholds: list[float] = field(default_factory=list)
    logged_bytes: int = 0

    def stepped(self) -> None:
        """A step moved the weights."""
        self.batch, self.step, self.num_skipped_in_a_row = self.batch + 1, self.step + 1, 0

    def skipped(self) -> None:
        """A step left everything as it was."""
        self.batch, self.step = self.batch + 1, self.step + 1
        self.num_skipped += 1
        self.num_skipped_now += 1
        self.num_skipped_in_a_row += 1

    def mean_losses(self) -> dict[str, float]:
        """By player, the mean over this epoch's steps; none where all were skipped."""
        count = self.batch - self.num_skipped_now
        return {name: total / count for name, total in self.totals.items()} if count else {}

    def end_epoch(self) -> None:
        """The next epoch begins."""
        self.epoch, self.batch, self.num_skipped_now, self.totals = self.epoch + 1, 0, 0, {}

    def remember_best(self, metrics: Mapping[str, float], judge: Judge, min_delta: float) -> bool:
        """Whether this validation is the best so far."""
        if judge.best_metric == LAST:
            self.best_step = self.step
            return True
        value, loss = metrics[judge.best_metric], metrics["loss"]
        gain = math.inf
        if self.best_value is not None:
            gain = value - self.best_value if judge.higher_is_better else self.best_value - value
        # On a small split many epochs share one accuracy: the loss tells them apart.
        breaks_tie = gain == 0 and self.best_loss is not None and loss < self.best_loss
        # A value that is not finite is never the best.
        if math.isfinite(value) and (gain > min_delta or breaks_tie):
            self.best_step, self.best_value, self.best_loss = self.step, value, loss
            self.num_worse = 0
            return True
        self.num_worse += 1
        return False


class Totals:
    """Sums of each player's losses over an epoch.

    Losses wait on the device until they are read, in the order of the steps: reading one a step would cost
    more than a small step.

    Args:
        begun: The sums so far.
    """

    def __init__(self, begun: Mapping[str, float]) -> None:
        self._sums = dict(begun)
        self._waiting: list[Mapping[str, torch.Tensor]] = []

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Those of one step, 0-dimensional."""
        self._waiting.append(losses)

    def read(self) -> dict[str, float]:
        """The sums, after waiting for the device."""
        for name in dict.fromkeys(name for losses in self._waiting for name in losses):
            losses = [losses[name] for losses in self._waiting if name in losses]
            for loss in torch.stack(losses).tolist():
                self._sums[name] = self._sums.get(name, 0.0) + loss
        self._waiting.clear()
        return dict(self._sums)


def snapshot(position: Position, players: Mapping[str, Player], recipe: Recipe) -> Checkpoint:
    """Everything that decides how training goes on."""
    model: trees.Tensors = {}
    optimizer: trees.Tensors = {}
    optimizers: dict[str, Any] = {}
    scalers: dict[str, Any] = {}
    for name, player in players.items():
        model |= {f"{name}/{key}": value for key, value in player.module.state_dict().items()}
        if player.average is not None:
            model |= {f"{name}@ema/{key}": value for key, value in player.average.state_dict().items()}
        if player.optimizer is not None:
            optimizers[name] = trees.flatten(_state_of(player.optimizer), optimizer, name)
        if player.scaler is not None:
            scalers[name] = trees.flatten(player.scaler.state_dict(), {}, "scaler")
    state = {
        "position": trees.flatten(vars(position), {}, "position"),
        "optimizers": optimizers,
        "scalers": scalers,
        "recipe": trees.flatten(recipe.to_json(), {}, "recipe"),
    }
    return Checkpoint(position.step, model, optimizer, state)


def restore(checkpoint: Checkpoint, players: Mapping[str, Player]) -> Position:
    """Puts the players where the checkpoint was taken; returns the position."""
    for name, player in players.items():
        sharding.load_state(player.module, _part(checkpoint.model, f"{name}/"))
        if player.average is not None:
            player.average.load_state_dict(_part(checkpoint.model, f"{name}@ema/"))
        if player.optimizer is not None:
            _restore_optimizer(player.optimizer, checkpoint, name)
        # A run that changes to fp16 begins with a new scale.
        if player.scaler is not None and name in checkpoint.state["scalers"]:
            player.scaler.load_state_dict(trees.unflatten(checkpoint.state["scalers"][name], {}))
    return position_of(checkpoint)


def position_of(checkpoint: Checkpoint) -> Position:
    """Where training stood when a checkpoint was taken.

    Raises:
        LookupError, TypeError, ValueError: Its state is not one.
    """
    position = Position(**trees.unflatten(checkpoint.state["position"], {}))
    require_types(position)
    return position


def _state_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimizer's state; a rate that a compiled step reads from a tensor is a number as ever."""
    state = optimizer.state_dict()
    # One that wraps another keeps the other's groups where it likes.
    for group in state.get("param_groups", ()):
        if isinstance(group.get("lr"), torch.Tensor):
            group["lr"] = group["lr"].item()
    return state


def _restore_optimizer(optimizer: torch.optim.Optimizer, checkpoint: Checkpoint, name: str) -> None:
    """Puts back the state, spread over processes and laid out in memory as the parameters are."""
    document = trees.unflatten(checkpoint.state["optimizers"][name], checkpoint.optimizer)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    saved = document.get("state", {})
    for place, parameter in enumerate(parameters):
        for key, value in saved.get(place, {}).items():
            if isinstance(value, torch.Tensor):
                saved[place][key] = sharding.spread_like(value, parameter)
    optimizer.load_state_dict(document)
    for place, parameter in enumerate(parameters):
        state = optimizer.state.get(parameter)
        if not isinstance(state, dict):
            continue
        if place in saved:
            _as_saved(state, saved[place])
        for key, value in state.items():
            is_moment = isinstance(value, torch.Tensor) and value.shape == parameter.shape
            # A fused update wants moments in the order of their parameter, which may have been another one.
            if is_moment and value.is_contiguous() and value.stride() != parameter.stride():
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _as_saved(loaded: Any, saved: Any) -> Any:
    """What an optimizer made of its saved state, with the number format and the words that were saved.

    PyTorch casts every number in a parameter's state to the parameter's own format, also moments that are
    kept in another one, and loses strings.
    """
    if isinstance(loaded, torch.Tensor) and isinstance(saved, torch.Tensor):
        return loaded if loaded.dtype == saved.dtype else saved.to(loaded.device)
    if isinstance(loaded, dict) and isinstance(saved, dict):
        loaded.update({key: _as_saved(loaded[key], saved[key]) for key in loaded.keys() & saved.keys()})
    elif isinstance(loaded, list) and isinstance(saved, list) and len(loaded) == len(saved):
        loaded[:] = [_as_saved(*pair) for pair in zip(loaded, saved, strict=True)]
    elif type(loaded) is tuple and type(saved) is tuple and len(loaded) == len(saved):
        return tuple(_as_saved(*pair) for pair in zip(loaded, saved, strict=True))
    return saved if isinstance(loaded, str) and isinstance(saved, str) else loaded


def weights_of(checkpoint: Checkpoint, player: str) -> trees.Tensors:
    """Parameters and buffers of the network that answers for a player: its average where there is one."""
    average = _part(checkpoint.model, f"{player}@ema/module.")
    return average or _part(checkpoint.model, f"{player}/")


def _part(tensors: trees.Tensors, prefix: str) -> trees.Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
