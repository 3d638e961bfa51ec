"""The training loop, top to bottom: choose a batch, play the turns, log, validate, save.

Data order and randomness are pure functions of (seed, epoch, step, rank), so a checkpoint holds counters,
weights and optimizer state, and a resumed run sees the rest of the same sequence.
"""

import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from itertools import tee
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts.examples import Batch
from zoo.contracts.plain import plain
from zoo.data.batches import batch_indices, derive_seed, epoch_order, num_batches
from zoo.errors import Interrupted, NumericsError, ZooError
from zoo.files import Disk
from zoo.runs import Run
from zoo.training import checkpoints
from zoo.training.blame import blame
from zoo.training.devices import determinism
from zoo.training.distributed import LOOK_EVERY
from zoo.training.evaluation import GivenUp, Judgement
from zoo.training.finite import diagnose, first_bad_weight
from zoo.training.illustration import illustration
from zoo.training.precision import autocast
from zoo.training.progress import Progress
from zoo.training.setup import Prepared
from zoo.training.state import Position, Totals, snapshot
from zoo.training.step import Step

if TYPE_CHECKING:
    from zoo.training.compiled import Compiler

_MAX_SKIPPED_IN_A_ROW = 5


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
        self._play = Step(
            self.prepared.players,
            self.prepared.objective,
            seed=self._seed,
            team=self.prepared.team,
            defers=self.prepared.defers,
        )
        self._compiler = self._build_compiler() if self.settings.compile else None

    def _build_compiler(self) -> "Compiler":
        # The compiler takes as long to import as PyTorch itself.
        from zoo.training.compiled import Compiler

        return Compiler(
            self._play,
            num_parts=self.settings.accumulate,
            num_steps=self.num_steps,
            defers=self.prepared.may_defer,
            is_ragged=self.prepared.train.is_ragged,
            note=self.progress.note,
        )

    @cached_property
    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training split."""
        return num_batches(len(self.prepared.train), self.settings.batch_size)

    @cached_property
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
            stack.enter_context(determinism(self.prepared.device, is_asked=self.settings.deterministic))
            if self._compiler:
                stack.enter_context(self._compiler.settings())
            stack.enter_context(self.prepared.team.interrupts)
            stack.enter_context(self.progress.of(self.num_steps, self.position.step))
            while self.position.epoch < self.settings.epochs and not self._is_over():
                self._train_epoch()
                self._finish_epoch(self._validate())
                self._save()
                self._stop_if_asked()

    def _train_epoch(self) -> None:
        position, every, num_batches = self.position, self.settings.checkpoint.every, self.steps_per_epoch
        team = self.prepared.team
        for player in self.prepared.players.values():
            player.module.train()
        self._let_compiler_look()
        totals = Totals(position.totals)
        for indices, batch in self._batches():
            losses = self._step(indices, batch)
            totals.add(losses)
            self.progress.stepped(position.step, len(indices), losses)
            if position.step % LOOK_EVERY == 0:
                self._require_finite()
                totals.read()
            is_due = every and position.step % every == 0
            # The end of an epoch is judged before it is saved: one step has one checkpoint.
            if (is_due or team.hear(position.step)) and position.batch < num_batches:
                self._require_savable()
                position.totals = totals.read()
                self._save()
                self._stop_if_asked()
        self._require_savable()
        position.totals = totals.read()

    def _step(self, indices: torch.Tensor, batch: Batch) -> Mapping[str, torch.Tensor]:
        position, prepared, settings = self.position, self.prepared, self.settings
        for player in prepared.players.values():
            player.set_rate(position.step, self.num_steps)
        prepared.team.see(len(indices), settings.batch_size)
        micro_batches = self._cut(batch)
        play = self._compiler.choose(position.step) if self._compiler else self._play
        try:
            with autocast(prepared.device, settings.precision):
                losses = play(micro_batches)
        except NumericsError as error:
            self._skip_or_stop(self._locate(error.message, indices, micro_batches))
            return {}
        except ZooError:
            raise
        except Exception as error:
            raise blame(error, position.step, prepared.recipe) from error
        position.stepped()
        return losses

    def _batches(self) -> Iterator[tuple[torch.Tensor, Batch]]:
        """The batches that are left of this epoch, and this process's share of each.

        A pure function of seed and epoch.
        """
        train, team = self.prepared.train, self.prepared.team
        order = epoch_order(len(train), seed=self.settings.seed, epoch=self.position.epoch)
        places = batch_indices(order, self.settings.batch_size, first=self.position.batch)
        wanted, shared = tee(places)
        shares = (team.share(indices, self.settings.batch_size) for indices in shared)
        return zip(wanted, train.stream(shares), strict=True)

    def _cut(self, batch: Batch) -> list[Batch]:
        """This process's share of a batch, cut into what fits at once."""
        train = self.prepared.train
        seed = self._derive_seed("latent") if train.draws else 0
        return train.cut(batch, self.settings.accumulate, seed=seed)

    def _derive_seed(self, purpose: str) -> int:
        """A seed of this step; the first process has the one that a single process would have."""
        rank = self.prepared.team.rank
        parts = (self.settings.seed, purpose, self.position.step)
        return derive_seed(*parts, rank) if rank else derive_seed(*parts)

    def _seed(self) -> None:
        seed = self._derive_seed("step")
        torch.default_generator.manual_seed(seed)
        if self.prepared.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _skip_or_stop(self, error: NumericsError) -> None:
        """After a step that was not finite, and that left no trace."""
        position = self.position
        if self.settings.on_nonfinite == "stop":
            raise error
        position.skipped()
        if position.num_skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise NumericsError(
                f"{error.message}; the {_MAX_SKIPPED_IN_A_ROW} last steps were not finite", fix=error.fix
            )
        self.progress.warn(f"{error.message}; the step is skipped")

    def _require_finite(self) -> None:
        """Where the device is not asked at each step: whether a step since the last time was not finite."""
        position = self.position
        if num_bad := self._play.num_bad_steps():
            # From that step on nothing has moved, so it can be looked at as it was.
            position.step, position.batch = position.step - num_bad, position.batch - num_bad
            indices, batch = next(self._batches())
            raise self._locate("a loss or a gradient is not finite", indices, self._cut(batch))

    def _require_savable(self) -> None:
        """A checkpoint holds finite weights alone, so that the newest and the best can be gone back to."""
        self._require_finite()
        models = {name: player.module for name, player in self.prepared.players.items()}
        if bad := first_bad_weight(models):
            raise NumericsError(
                f"step {self.position.step} (epoch {self.position.epoch + 1}): {bad} is not finite any more",
                fix="lower optimizer.lr; no checkpoint was touched",
            )

    def _locate(self, what: str, indices: torch.Tensor, micro_batches: Sequence[Batch]) -> NumericsError:
        """Names the step, the examples and the tensor."""
        prepared, position = self.prepared, self.position
        share = prepared.team.share(indices, self.settings.batch_size)
        ids = [prepared.train.ids[int(place)] for place in share]
        models = {name: player.module for name, player in prepared.players.items()}
        self._seed()
        with self._play.without_trace(), autocast(prepared.device, self.settings.precision):
            where = diagnose(prepared.objective, models, micro_batches, ids)
        self._let_compiler_look()
        return NumericsError(
            f"step {position.step} (epoch {position.epoch + 1}): {what}; {where}",
            fix="lower optimizer.lr, set clip_norm, or look at these examples; no checkpoint was touched",
        )

    def _validate(self) -> Judgement:
        team = self.prepared.team
        try:
            return self.prepared.judge.judge(
                self.answering_models(),
                self.prepared.validation,
                tunes=True,
                # Several processes stop after a step, where they hear of one another.
                is_asked_to_stop=lambda: not team.is_several and team.interrupts.pending > 0,
            )
        except GivenUp:
            # All steps of the epoch are done; who resumes begins with this validation.
            self._save()
            raise self._interrupted(team.interrupts.pending) from None

    def answering_models(self) -> dict[str, torch.nn.Module]:
        """The networks that are validated: of each player its average where it has one."""
        for player in self.prepared.players.values():
            player.settle()
        return {
            name: player.module if player.average is None else player.average.module
            for name, player in self.prepared.players.items()
        }

    def _finish_epoch(self, judgement: Judgement) -> None:
        position, metrics, stopping = self.position, judgement.metrics, self.settings.early_stopping
        train = {
            f"{name}_loss" if len(self.prepared.players) > 1 else "loss": mean
            for name, mean in position.mean_losses().items()
        }
        min_delta = stopping.min_delta if stopping else 0.0
        is_best = position.remember_best(metrics, self.prepared.judge, min_delta)
        if is_best:
            position.thresholds = list(getattr(judgement.target, "thresholds", ()))
        position.end_epoch()
        self._log(
            {"epoch": position.epoch, "step": position.step, "train": train, "validation": dict(metrics)}
        )
        self.progress.validated(position.epoch, self.settings.epochs, train, metrics, is_best=is_best)
        self._illustrate()
        # Others may have judged by other roundings: the first one's word is what all go on by.
        self.position = Position(**self.prepared.team.agree(vars(position)))

    def _illustrate(self) -> None:
        """What the network answers, where that is a picture: one file an epoch."""
        judge = self.prepared.judge
        content = illustration(
            judge.target, lambda: judge.picture(self.answering_models(), self.prepared.test)
        )
        if content and self.prepared.team.is_first:
            self.disk.replace(self.run.picture_path(self.position.step), content)

    def _is_over(self) -> bool:
        stopping = self.settings.early_stopping
        return stopping is not None and self.position.num_worse >= stopping.patience

    def _log(self, line: dict[str, Any]) -> None:
        if not self.prepared.team.is_first:
            return
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
        team = self.prepared.team
        for player in self.prepared.players.values():
            player.settle()
        checkpoint = snapshot(self.position, self.prepared.players, self.prepared.recipe)
        is_spread = any(player.is_sharded for player in self.prepared.players.values())
        if team.is_first or is_spread:
            checkpoints.save(self.run.checkpoints_path, checkpoint, self.disk, team if is_spread else None)
        if team.is_first:
            self.rotate()
        self._let_compiler_look()

    def _let_compiler_look(self) -> None:
        """After anything but steps: what a compiled step takes for granted may have changed."""
        if self._compiler:
            self._compiler.look_again()

    def rotate(self) -> None:
        """Removes the checkpoints that are neither among the newest nor the best."""
        keep, best = self.settings.checkpoint.keep, self.position.best_step
        checkpoints.rotate(self.run.checkpoints_path, keep=keep, best=best, disk=self.disk)

    def _stop_if_asked(self) -> None:
        if number := self.prepared.team.hear(self.position.step):
            raise self._interrupted(number)

    def _interrupted(self, number: int) -> Interrupted:
        return Interrupted(
            f"stopped by {signal.Signals(number).name} after step {self.position.step}; the state is saved",
            signal_number=number,
            fix=f"zoo resume {self.run.path}",
        )
