"""Plays the objective of an architecture on one batch, with and without the trainer's step."""

import torch

from zoo.contracts.examples import Batch
from zoo.testing.checks import expect
from zoo.testing.networks import Built, NetworkSubject
from zoo.testing.specimens import Specimen
from zoo.training.distributed import Team
from zoo.training.objectives import Objective
from zoo.training.player import Player
from zoo.training.precision import autocast
from zoo.training.reduction import mean
from zoo.training.setup import build_players
from zoo.training.step import Step

_CPU = torch.device("cpu")
_SHARE = 1 / 2
_NUM_STEPS = 300
_LOOK_EVERY = 20
_NUM_GAMES = 10
_FACTORS = (1.0, 10.0)
_DEVIATION = 0.02


def require_gradients(subject: NetworkSubject, specimen: Specimen) -> None:
    """Plays one round without updates and looks at the gradients of each turn's own player."""
    built = subject.build(specimen)
    _disturb(built)
    _play(built, subject.objective_of(built))
    for player in subject.architecture.players:
        missing = [
            name
            for name, parameter in built.networks[player].named_parameters()
            if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
        ]
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        expect(not missing, f"a gradient for every parameter of {player}", f"none for {shown}")


def require_half_precision(subject: NetworkSubject, specimen: Specimen) -> None:
    """Plays one round with products in bfloat16."""
    built = subject.build(specimen)
    with autocast(_CPU, "bf16"):
        _play(built, subject.objective_of(built))
    for player in subject.architecture.players:
        bad = [
            name
            for name, parameter in built.networks[player].named_parameters()
            if parameter.grad is not None and not parameter.grad.isfinite().all()
        ]
        expect(not bad, "finite gradients in bfloat16", f"not for {', '.join(bad[:5])}")


def require_overfit(subject: NetworkSubject, specimen: Specimen) -> None:
    """Trains on four examples with the recipe's own rate and, if that is too slow, ten times as much."""
    if len(subject.architecture.players) > 1:
        _require_movement(subject, specimen)
        return
    lows = []
    for factor in _FACTORS:
        begun, low = _train(subject, specimen, factor)
        if low <= _SHARE * begun:
            return
        lows.append(low)
    expect(
        False,
        f"a loss of {_SHARE * begun:.3g} or less on four examples after {_NUM_STEPS} steps, from {begun:.3g}",
        f"{min(lows):.3g}",
    )


def _train(subject: NetworkSubject, specimen: Specimen, factor: float) -> tuple[float, float]:
    """The loss in eval mode before the first step, and the lowest one seen."""
    built = subject.build(specimen)
    step, players = _trainer(subject, built)
    for player in players.values():
        player.base_rates = [rate and rate * factor for rate in player.base_rates]
    begun = low = _loss(built, subject.objective_of(built))
    for number in range(1, _NUM_STEPS + 1):
        _advance(step, players, specimen.batch, number)
        if number % _LOOK_EVERY == 0:
            low = min(low, _loss(built, subject.objective_of(built)))
            if low <= _SHARE * begun:
                break
    return begun, low


def _require_movement(subject: NetworkSubject, specimen: Specimen) -> None:
    built = subject.build(specimen)
    step, players = _trainer(subject, built)
    before = {name: [each.detach().clone() for each in player.parameters] for name, player in players.items()}
    for number in range(1, _NUM_GAMES + 1):
        _advance(step, players, specimen.batch, number)
    for name in subject.architecture.players:
        is_moved = any(
            not torch.equal(*pair) for pair in zip(before[name], players[name].parameters, strict=True)
        )
        expect(is_moved, f"the weights of {name} to move", f"they are as they were after {_NUM_GAMES} steps")


def _trainer(subject: NetworkSubject, built: Built) -> tuple[Step, dict[str, Player]]:
    players = build_players(built.networks, built.recipe, subject.registry, _CPU, Team())
    for network in built.networks.values():
        network.train()
    return Step(players, subject.objective_of(built)), players


def _advance(step: Step, players: dict[str, Player], batch: Batch, number: int) -> None:
    torch.manual_seed(number)
    for player in players.values():
        player.module.train()
        for group, rate in zip(player.groups, player.base_rates, strict=True):
            group.update({"lr": rate} if "lr" in group else {})
    step([batch])


def _loss(built: Built, objective: Objective) -> float:
    """The sum of the turns' mean losses, in eval mode."""
    for network in built.networks.values():
        network.eval()
    with torch.no_grad():
        return sum(float(mean(turn.loss)) for turn in objective(built.networks, built.specimen.batch))


def _play(built: Built, objective: Objective) -> None:
    """Gradients of each turn's mean loss, into the parameters of its player."""
    for network in built.networks.values():
        network.train()
    for turn in objective(built.networks, built.specimen.batch):
        loss = mean(turn.loss)
        expect(bool(loss.isfinite()), "a finite loss", f"{loss.item()} for {turn.player}")
        parameters = [each for each in built.networks[turn.player].parameters() if each.requires_grad]
        expect(loss.requires_grad, f"a loss that depends on {turn.player}", "one without a gradient")
        torch.autograd.backward(loss, inputs=parameters)


def _disturb(built: Built) -> None:
    """Moves every parameter a little: one that begins at zero may hide the gradient of those before it."""
    with torch.no_grad():
        for network in built.networks.values():
            for parameter in network.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * _DEVIATION)
