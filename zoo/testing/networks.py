"""What the checks of an architecture are given: its networks, built, asked and played."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from zoo import recipes
from zoo.contracts.entries import Architecture
from zoo.contracts.recipe import Choice, Recipe
from zoo.contracts.targets import Tokens
from zoo.registry import describe
from zoo.testing.checks import Inapplicable, Subject
from zoo.testing.specimens import Specimen, specimens
from zoo.training.objectives import Objective
from zoo.training.setup import build_further_players, build_loss, build_networks, build_objective

_UNTOLD = "none of its signatures builds"


@dataclass(frozen=True)
class Built:
    """The networks of one specimen.

    Attributes:
        specimen: Signature and batch.
        recipe: The recipe that `zoo train` would use.
        networks: By player, those of the objective included.
        exports: The player that answers.
    """

    specimen: Specimen
    recipe: Recipe
    networks: dict[str, nn.Module]
    exports: str

    @property
    def network(self) -> nn.Module:
        """The one that answers."""
        return self.networks[self.exports]

    def answer(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the answering network emits in eval mode, without what it hands on to the next text."""
        with torch.no_grad():
            emitted = self.network.eval()(*(inputs or self.specimen.batch.inputs))
        scores = emitted if isinstance(emitted, tuple) else (emitted,)
        return scores[: len(self.specimen.signature.outputs)]


class NetworkSubject(Subject):
    """An architecture, with every signature that it claims."""

    @property
    def architecture(self) -> Architecture:
        """The entry."""
        entry = self.entry
        assert isinstance(entry, Architecture)
        return entry

    @cached_property
    def claimed(self) -> list[Specimen]:
        """A specimen of each signature."""
        return specimens(self.architecture)

    @cached_property
    def faults(self) -> dict[str, str]:
        """By signature, why its network cannot be used; what else is checked leaves these out."""
        found = {}
        for specimen in self.claimed:
            try:
                fault = _fault(self.build(specimen))
            except (Exception, SystemExit) as error:
                fault = describe(error)
            if fault:
                found[str(specimen)] = fault
        return found

    @property
    def sound(self) -> list[Specimen]:
        """The specimens whose networks build and answer.

        Raises:
            Inapplicable: There is none.
        """
        found = [each for each in self.claimed if str(each) not in self.faults]
        if not found:
            raise Inapplicable(_UNTOLD)
        return found

    @property
    def principal(self) -> list[Specimen]:
        """Of the sound ones the first of each input whose answer is one vector, and all with other answers."""
        chosen: dict[tuple[str, str], Specimen] = {}
        for each in self.sound:
            is_vector = each.target.kind in ("classes", "binary", "labels", "values", "several")
            chosen.setdefault((each.kind, "vector" if is_vector else each.target.kind), each)
        return list(chosen.values())

    def build(self, specimen: Specimen, *, seed: int = 0, **keys: Any) -> Built:
        """The networks of a specimen with default options, in training mode."""
        recipe = self.recipe_of(specimen, seed=seed, **keys)
        networks = build_networks(recipe, specimen.signature, self.registry)
        networks |= build_further_players(recipe, specimen.signature, self.registry)
        return Built(specimen, recipe, networks, self.architecture.exports)

    def recipe_of(self, specimen: Specimen, **keys: Any) -> Recipe:
        """The recipe that `zoo train` would complete, but for the data."""
        given = {"model": self.registered.qualified_name, **keys}
        facts = recipes.DataFacts(specimen.target, len(specimen.batch))
        return recipes.complete(given, facts, Choice("specimen"), self.registry)

    def objective_of(self, built: Built) -> Objective:
        """Who plays when, with the recipe's loss."""
        return build_objective(built.recipe, self.registry, build_loss(built.recipe, self.registry))


def for_each(specimens: Sequence[Specimen], look: Callable[[Specimen], None]) -> None:
    """Looks at each; what goes wrong says at which."""
    for specimen in specimens:
        try:
            look(specimen)
        except Exception as error:
            error.add_note(f"({specimen})")
            raise


def distance(given: Sequence[Tensor], seen: Sequence[Tensor]) -> float:
    """The largest difference, as a share of the largest number."""
    return max(
        float((one.double() - other.double()).abs().max() / one.double().abs().max().clamp(min=1e-30))
        for one, other in zip(given, seen, strict=True)
    )


def _fault(built: Built) -> str:
    """Why a network's answer is not what its signature asks for; empty if it is."""
    specimen = built.specimen
    if isinstance(specimen.target, Tokens) and not hasattr(built.network, "initial_state"):
        return "it predicts tokens, but has no initial_state(batch_size)"
    answers = built.answer()
    if len(answers) != len(specimen.signature.outputs):
        return f"it emits {len(answers)} tensors, not {len(specimen.signature.outputs)}"
    for spec, answer in zip(specimen.signature.outputs, answers, strict=True):
        wanted = (len(specimen.batch), *spec.shape)
        is_right = answer.ndim == len(wanted) and all(
            size in (None, seen) for size, seen in zip(wanted, answer.shape, strict=True)
        )
        if not is_right:
            return f"{spec.name} has shape {list(answer.shape)}, not {['any' if s is None else s for s in wanted]}"
        if not answer.isfinite().all():
            return f"{spec.name} is not finite"
    return ""
