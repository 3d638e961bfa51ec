"""The training loop, top to bottom: choose a batch, play the turns, log, validate, save.

Data order and randomness are pure functions of (seed, epoch, step), so a checkpoint holds counters, weights
and optimizer state, and a resumed run sees the rest of the same sequence.
"""

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.contracts.plain import plain
from zoo.contracts.typed import require_types
from zoo.data.batches import batch_indices, derive_seed, epoch_order, num_batches
from zoo.errors import EnvironmentFault, Interrupted, NumericsError, PluginError, ZooError
from zoo.files import Disk
from zoo.registry import describe
from zoo.runs import Run
from zoo.training import checkpoints
from zoo.training.checkpoints import Checkpoint
from zoo.training.devices import autocast
from zoo.training.evaluation import LAST, Judgement
from zoo.training.illustration import illustration
from zoo.training.interrupts import Interrupts
from zoo.training.progress import Progress
from zoo.training.setup import Prepared
from zoo.training.step import play


@dataclass
class Position:
    """Where training stands, and what it must remember; saved with every checkpoint.

    Attributes:
        epoch: Epochs completed.
        batch: Batches completed in the current epoch.
        step: Steps completed in all.
        totals: By player, the sum of this epoch's step losses.
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
    best_step: int | None = None
    best_value: float | None = None
    best_loss: float | None = None
    num_worse: int = 0
    thresholds: list[float] = field(default_factory=list)
    logged_bytes: int = 0


@dataclass
class Trainer:
    """Trains the players of one run; ``fit`` starts or continues."""

    run: Run
    prepared: Prepared
    disk: Disk
    progress: Progress
    position: Position = field(default_factory=Position)

    def __post_init__(self) -> None:
        self.settings = self.prepared.recipe.settings

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training split."""
        return num_batches(len(self.prepared.train), self.settings.batch_size)

    @property
    def num_steps(self) -> int:
        """Steps of the whole recipe."""
        return self.steps_per_epoch * self.settings.epochs

    def fit(self) -> None:
        """Trains to the last epoch, or until early stopping.

        Raises:
            NumericsError: A loss or gradient is not finite; the last checkpoint is whole.
            Interrupted: A signal came; the state was saved at the step boundary.
        """
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng())
            interrupts = stack.enter_context(Interrupts())
            stack.enter_context(self.progress.of(self.num_steps, self.position.step))
            while self.position.epoch < self.settings.epochs and not self._is_over():
                self._train_epoch(interrupts)
                self._finish_epoch(self._validate())
                self._save()
                self._stop_if_asked(interrupts)

    def _train_epoch(self, interrupts: Interrupts) -> None:
        position, settings = self.position, self.settings
        order = epoch_order(len(self.prepared.train), seed=settings.seed, epoch=position.epoch)
        for player in self.prepared.players.values():
            player.module.train()
        # Totals stay on the device: reading one a step would cost more than a small step.
        totals = {name: torch.tensor(total, dtype=torch.float64) for name, total in position.totals.items()}
        for indices in batch_indices(order, settings.batch_size, first=position.batch):
            losses = self._step(indices)
            for name, loss in losses.items():
                totals[name] = totals[name] + loss if name in totals else loss.double()
            position.batch += 1
            position.step += 1
            self.progress.stepped(position.step, len(indices), losses)
            is_due = settings.checkpoint.every and position.step % settings.checkpoint.every == 0
            # The end of an epoch is judged before it is saved: one step has one checkpoint.
            if (is_due or interrupts.pending) and position.batch < self.steps_per_epoch:
                position.totals = {name: float(total) for name, total in totals.items()}
                self._save()
                self._stop_if_asked(interrupts)
        position.totals = {name: float(total) for name, total in totals.items()}

    def _step(self, indices: torch.Tensor) -> Mapping[str, torch.Tensor]:
        position, settings = self.position, self.settings
        for player in self.prepared.players.values():
            player.set_rate(position.step, self.num_steps)
        latent_seed = derive_seed(settings.seed, "latent", position.step)
        try:
            with autocast(self.prepared.device, settings.precision):
                return play(
                    self.prepared.players,
                    self.prepared.objective,
                    self.prepared.train.batches(indices, settings.accumulate, seed=latent_seed),
                    seed=self._seed,
                )
        except NumericsError as error:
            first, last = self.prepared.train.ids[int(indices[0])], self.prepared.train.ids[int(indices[-1])]
            raise NumericsError(
                f"step {position.step} (epoch {position.epoch + 1}): {error.message}; the batch holds {first} … {last}",
                fix="lower optimizer.lr, set clip_norm, or look at these examples; no checkpoint was touched",
            ) from error
        except ZooError:
            raise
        except Exception as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> ZooError:
        """What runs in a step is the plugins' own: network, objective, loss and optimizer."""
        where, recipe = f"step {self.position.step}", self.prepared.recipe
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            return EnvironmentFault(
                f"{where}: there is not enough memory", fix="a smaller batch_size, or accumulate=2 and more"
            )
        parts = (recipe.model, recipe.objective, recipe.loss, *recipe.optimizers.values())
        return PluginError(
            f"{where} of {', '.join(part.name for part in parts)} failed: {describe(error)}",
            fix="choose another loss or optimizer, or report it to the plugin's author",
        )

    def _seed(self) -> None:
        seed = derive_seed(self.settings.seed, "step", self.position.step)
        torch.default_generator.manual_seed(seed)
        if self.prepared.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _validate(self) -> Judgement:
        return self.prepared.judge.judge(self.answering_models(), self.prepared.validation, tunes=True)

    def answering_models(self) -> dict[str, torch.nn.Module]:
        """The networks that are validated: of each player its average where it has one."""
        return {
            name: player.module if player.average is None else player.average.module
            for name, player in self.prepared.players.items()
        }

    def _finish_epoch(self, judgement: Judgement) -> None:
        position, metrics = self.position, judgement.metrics
        train = {
            f"{name}_loss" if len(self.prepared.players) > 1 else "loss": total / position.batch
            for name, total in position.totals.items()
        }
        if self._remember_best(metrics):
            position.thresholds = list(getattr(judgement.target, "thresholds", ()))
        position.epoch, position.batch, position.totals = position.epoch + 1, 0, {}
        self._log(
            {"epoch": position.epoch, "step": position.step, "train": train, "validation": dict(metrics)}
        )
        self.progress.validated(
            position.epoch, self.settings.epochs, train, metrics, is_best=position.num_worse == 0
        )
        self._illustrate()

    def _illustrate(self) -> None:
        """What the network answers, where that is a picture: one file an epoch."""
        judge = self.prepared.judge
        content = illustration(
            judge.target, lambda: judge.picture(self.answering_models(), self.prepared.test)
        )
        if content:
            self.disk.replace(self.run.picture_path(self.position.step), content)

    def _remember_best(self, metrics: Mapping[str, float]) -> bool:
        """Whether this validation is the best so far."""
        position, judge = self.position, self.prepared.judge
        if judge.best_metric == LAST:
            position.best_step = position.step
            return True
        value, loss = metrics[judge.best_metric], metrics["loss"]
        margin = self.settings.early_stopping.min_delta if self.settings.early_stopping else 0.0
        gain = math.inf
        if position.best_value is not None:
            gain = value - position.best_value if judge.higher_is_better else position.best_value - value
        # On a small split many epochs share one accuracy: the loss tells them apart.
        breaks_tie = gain == 0 and position.best_loss is not None and loss < position.best_loss
        # A value that is not finite is never the best.
        if math.isfinite(value) and (gain > margin or breaks_tie):
            position.best_step, position.best_value, position.best_loss = position.step, value, loss
            position.num_worse = 0
            return True
        position.num_worse += 1
        return False

    def _is_over(self) -> bool:
        stopping = self.settings.early_stopping
        return stopping is not None and self.position.num_worse >= stopping.patience

    def _log(self, line: dict[str, Any]) -> None:
        content = (json.dumps(plain(line), allow_nan=False) + "\n").encode()
        self.disk.append(self.run.metrics_path, content)
        self.position.logged_bytes += len(content)
        flat = {
            f"{split}_{name}": value
            for split in ("train", "validation")
            for name, value in line[split].items()
        }
        self.prepared.registry.notify("zoo_metrics_logged", run=self.run, step=line["step"], metrics=flat)

    def _save(self) -> None:
        checkpoints.save(self.run.checkpoints_path, self.snapshot(), self.disk)
        keep, best = self.settings.checkpoint.keep, self.position.best_step
        checkpoints.rotate(self.run.checkpoints_path, keep=keep, best=best, disk=self.disk)

    def _stop_if_asked(self, interrupts: Interrupts) -> None:
        if interrupts.pending:
            raise Interrupted(
                f"stopped by {interrupts.name} after step {self.position.step}; the state is saved",
                signal_number=interrupts.pending,
                fix=f"zoo resume {self.run.path}",
            )

    def snapshot(self) -> Checkpoint:
        """Everything that decides how training goes on."""
        model: checkpoints.Tensors = {}
        optimizer: checkpoints.Tensors = {}
        states: dict[str, Any] = {}
        for name, player in self.prepared.players.items():
            model |= {f"{name}/{key}": value for key, value in player.module.state_dict().items()}
            if player.average is not None:
                model |= {f"{name}@ema/{key}": value for key, value in player.average.state_dict().items()}
            if player.optimizer is not None:
                states[name] = checkpoints.flatten(player.optimizer.state_dict(), optimizer, name)
        state = {
            "position": checkpoints.flatten(vars(self.position), {}, "position"),
            "optimizers": states,
            "recipe": checkpoints.flatten(self.prepared.recipe.to_json(), {}, "recipe"),
        }
        return Checkpoint(self.position.step, model, optimizer, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Puts players and position where the checkpoint was taken."""
        for name, player in self.prepared.players.items():
            player.module.load_state_dict(_part(checkpoint.model, f"{name}/"))
            if player.average is not None:
                player.average.load_state_dict(_part(checkpoint.model, f"{name}@ema/"))
            if player.optimizer is not None:
                player.optimizer.load_state_dict(
                    checkpoints.unflatten(checkpoint.state["optimizers"][name], checkpoint.optimizer)
                )
        self.position = position_of(checkpoint)


def position_of(checkpoint: Checkpoint) -> Position:
    """Where training stood when a checkpoint was taken.

    Raises:
        LookupError, TypeError, ValueError: Its state is not one.
    """
    position = Position(**checkpoints.unflatten(checkpoint.state["position"], {}))
    require_types(position)
    return position


def weights_of(checkpoint: Checkpoint, player: str) -> checkpoints.Tensors:
    """Parameters and buffers of the network that answers for a player: its average where there is one."""
    average = _part(checkpoint.model, f"{player}@ema/module.")
    return average or _part(checkpoint.model, f"{player}/")


def _part(tensors: checkpoints.Tensors, prefix: str) -> checkpoints.Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
