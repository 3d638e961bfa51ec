"""Reads the choices of a recipe: entries by name, with every option filled, one or one a player or part."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contracts.entries import Architecture, Entry, Loss, Objective
from zoo.contracts.recipe import Choice, PartLoss
from zoo.contracts.targets import Several, Target
from zoo.errors import UsageError, did_you_mean
from zoo.options import schema_of
from zoo.registry import Registered, Registry
from zoo.words import merge


def complete_losses(given: Any, target: Target, registry: Registry) -> dict[str, PartLoss]:
    """The loss under the name ``""``, or one a part of several targets, every option filled.

    Raises:
        UsageError: No such part, loss or option, or a loss that does not fit.
    """
    if not isinstance(target, Several):
        return {"": PartLoss(_complete_loss("loss", given, target, registry))}
    for name in given:
        if name not in target.names:
            raise UsageError(f"unknown key 'loss.{name}'", fix=did_you_mean(name, target.names))
    return {
        name: _complete_part(f"loss.{name}", given[name], part, registry)
        for name, part in zip(target.names, target.parts, strict=True)
    }


def _complete_part(key: str, given: Any, part: Target, registry: Registry) -> PartLoss:
    options = {"name": part.default_loss, **as_choice(given)}
    weight = options.pop("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
        raise UsageError(f"{key}.weight={weight!r} is not a weight", fix=f"for example {key}.weight=0.5")
    return PartLoss(_complete_loss(key, options, part, registry), float(weight))


def _complete_loss(key: str, given: Any, target: Target, registry: Registry) -> Choice:
    name = as_choice(given).get("name")
    if name:
        _require_loss(registry.get("loss", str(name)), target, registry)
    return complete_choice(key, "loss", given, registry)


def complete_by_player(
    key: str, given: Mapping[str, Any], players: Sequence[str], registry: Registry
) -> dict[str, Choice]:
    """One choice a player: what stands below its name over what is said for all of them."""
    shared = {name: value for name, value in given.items() if name not in players or len(players) == 1}
    own = {name: given.get(name, {}) if len(players) > 1 else {} for name in players}
    return {
        name: complete_choice(
            key if len(players) == 1 else f"{key}.{name}",
            key,
            merge({key: shared}, {key: each})[key],
            registry,
        )
        for name, each in own.items()
    }


def complete_choice(key: str, kind: str, given: Mapping[str, Any] | str, registry: Registry) -> Choice:
    """An entry of that kind with every option filled.

    Raises:
        UsageError: No such entry or option, or none is named.
    """
    options = dict(as_choice(given))
    if "name" not in options:
        raise UsageError(f"the recipe names no {key}", fix="known: " + registry.known(kind))
    name = str(options.pop("name"))
    registered = registry.get(kind, name)
    schema = schema_of(registry.load(registered))
    return Choice(name, schema.complete(options, where=f"{key}."))


def complete_objective(given: Any, architecture: Architecture, target: Target, registry: Registry) -> Choice:
    """The objective with every option filled.

    Raises:
        UsageError: No such objective or option, or it is for another target or other players.
    """
    entry = registry.get("objective", str(as_choice(given)["name"])).entry
    assert isinstance(entry, Objective)
    fix = f"leave out objective=: {architecture.name} brings {architecture.objective!r}"
    if entry.fits and target.kind not in entry.fits:
        raise UsageError(
            f"objective {entry.name!r} is for {' or '.join(entry.fits)}, but the data's target is {target.kind}",
            fix=fix,
        )
    if not set(entry.plays) <= set(architecture.players):
        raise UsageError(
            f"objective {entry.name!r} is played by {' and '.join(entry.plays)}, "
            f"but {architecture.name} has {' and '.join(architecture.players)}",
            fix=fix,
        )
    return complete_choice("objective", "objective", given, registry)


def as_choice(value: Any) -> Mapping[str, Any]:
    """A name alone stands for an entry without options."""
    if isinstance(value, Mapping):
        return value
    return {"name": str(value)}


def _require_loss(loss: Registered, target: Target, registry: Registry) -> None:
    entry = loss.entry
    assert isinstance(entry, Loss)
    if _fits(entry, target):
        return
    reason = f"is for {' or '.join(entry.fits)}, but the data's target is {target.kind}"
    if target.kind in entry.fits:
        reason = f"expects {entry.expects}, but for {target.kind} a network emits {target.emits}"
    fitting = [each.entry.name for each in registry.kind("loss") if _fits(each.entry, target)]
    raise UsageError(
        f"loss {entry.name!r} {reason}", fix=f"losses that fit {target.kind}: {', '.join(fitting)}"
    )


def _fits(entry: Entry, target: Target) -> bool:
    return isinstance(entry, Loss) and target.kind in entry.fits and entry.expects == target.emits
