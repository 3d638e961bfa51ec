"""Checks of an objective: its turns are unreduced, its own player's, and the same when it judges."""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from zoo.contracts.entries import Architecture, Objective
from zoo.contracts.examples import Turn
from zoo.contracts.signature import Signature
from zoo.registry import Registered, Registry
from zoo.testing.checks import Inapplicable, Subject, expect
from zoo.testing.networks import Built, NetworkSubject
from zoo.testing.registration import suite
from zoo.training.reduction import check_values

_STAND_IN = Architecture(
    name="stand-in",
    factory="zoo.testing.objectives:StandIn",
    summary="One linear layer, where an objective has no network of its own",
    accepts=("vector",),
    predicts=("classes", "binary", "labels", "values"),
)


class StandIn(nn.Linear):
    """One linear layer from a vector to scores."""

    def __init__(self, signature: Signature) -> None:
        self.shape = tuple(map(int, filter(None, signature.outputs[0].shape)))
        super().__init__(int(signature.inputs[0].shape[0] or 1), max(1, torch.Size(self.shape).numel()))

    def forward(self, vectors: Tensor) -> Tensor:
        """Scores ``[batch, *scores]``."""
        return super().forward(vectors).reshape(len(vectors), *self.shape)


class GameSubject(Subject):
    """An objective, with networks that play it."""

    @property
    def objective(self) -> Objective:
        """The entry."""
        entry = self.entry
        assert isinstance(entry, Objective)
        return entry

    @cached_property
    def _player(self) -> NetworkSubject:
        """An architecture that is trained with it, else one that could be."""
        registry = Registry([_STAND_IN], plugins=self.registry.plugins)
        able = [each for each in registry.kind("architecture") if self._is_able(each)]
        if not able:
            raise Inapplicable("no installed architecture plays it")
        return NetworkSubject(max(able, key=self._nearness), registry)

    def play(self, *, is_training: bool) -> Iterator[tuple[Built, Turn]]:
        """The turns of one batch, with the networks that they are played by."""
        subject = self._player
        for specimen in subject.sound:
            if self.objective.fits and specimen.target.kind not in self.objective.fits:
                continue
            # Options that must be given are for whoever trains; here nobody is.
            _ = self.options
            built = subject.build(specimen, objective=self.registered.qualified_name)
            for network in built.networks.values():
                network.train(is_training)
            for turn in subject.objective_of(built)(built.networks, specimen.batch):
                yield built, turn

    def _nearness(self, registered: Registered) -> tuple[bool, bool, bool]:
        """What is checked must not depend on what else is installed, so the stand-in comes before strangers."""
        is_neighbour = registered.plugin == self.registered.plugin
        return self._is_own(registered), is_neighbour, registered.entry is _STAND_IN

    def _is_own(self, registered: Registered) -> bool:
        entry = registered.entry
        return isinstance(entry, Architecture) and entry.objective == self.objective.name

    def _is_able(self, registered: Registered) -> bool:
        entry = registered.entry
        if not isinstance(entry, Architecture) or entry.unsupported:
            return False
        is_fit = not self.objective.fits or bool(set(self.objective.fits) & set(entry.predicts))
        return is_fit and set(self.objective.plays) <= set(entry.players)


def turns_are_unreduced(subject: GameSubject) -> None:
    """Each turn is for one of its players and has finite values, the batch along the first axis."""
    num_turns = 0
    for built, turn in subject.play(is_training=True):
        expect(turn.player in built.networks, f"turns for {', '.join(built.networks)}", turn.player)
        values, _ = check_values(turn.loss)
        expect(bool(values.isfinite().all()), "finite values", f"others for {turn.player}")
        num_turns += 1
    expect(num_turns > 0, "a turn", "none")


def turns_move_their_player(subject: GameSubject) -> None:
    """The loss of a turn has a gradient for the parameters of its player."""
    for built, turn in subject.play(is_training=True):
        values, _ = check_values(turn.loss)
        expect(values.requires_grad, f"a loss that depends on {turn.player}", "one without a gradient")
        parameters = [each for each in built.networks[turn.player].parameters() if each.requires_grad]
        gradients = torch.autograd.grad(values.mean(), parameters, allow_unused=True)
        is_reached = any(gradient is not None and bool(gradient.any()) for gradient in gradients)
        expect(is_reached, f"a gradient for {turn.player}", "none")


def judges_alike(subject: GameSubject) -> None:
    """In eval mode and without gradients it can be played, and gives the same values twice."""
    with torch.no_grad():
        rounds = [[turn for _, turn in subject.play(is_training=False)] for _ in range(2)]
    for one, other in zip(*rounds, strict=True):
        values = [check_values(turn.loss)[0] for turn in (one, other)]
        expect(torch.equal(*values), "the same values when it judges again", f"others for {one.player}")


SUITE = suite(turns_are_unreduced, turns_move_their_player, judges_alike, subject=GameSubject)
