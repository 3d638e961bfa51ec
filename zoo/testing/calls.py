"""What a loss is called with: scores and truth, or what its own objective gives it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from zoo.contracts.entries import Architecture, Loss
from zoo.errors import PluginError, UsageError
from zoo.registry import Registered
from zoo.testing.checks import Inapplicable, Subject
from zoo.testing.networks import NetworkSubject
from zoo.testing.specimens import example_of
from zoo.training.reduction import check_values
from zoo.training.setup import build_objective

_OF_OBJECTIVES = ("boxes", "sample")
"""Targets whose losses are called as their objective likes."""


@dataclass(frozen=True)
class Call:
    """One call of a loss, in float64.

    Attributes:
        what: Names it in messages.
        function: The loss, or a method of it.
        arguments: Tensors, in tuples where the loss takes them so; what the network emits requires gradients.
        size: Examples in the batch.
    """

    what: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    size: int

    def __str__(self) -> str:
        return self.what

    def values(self) -> tuple[Tensor, Tensor]:
        """Values, and what each weighs: 1 where the loss does not say.

        Raises:
            PluginError: The values are reduced already.
        """
        values, weights = check_values(self.function(*self.arguments))
        return values.detach(), torch.ones_like(values) if weights is None else weights

    def fault(self) -> str:
        """Why its values are not one or more for each example; empty if they are."""
        try:
            shapes = [list(each.shape) for each in self.values()]
        except PluginError as error:
            return error.message
        wrong = [shape for shape in shapes if not shape or shape[0] != self.size]
        return f"shape {wrong[0]}" if wrong else ""

    def changed(self, change: Callable[[Tensor], Tensor]) -> "Call":
        """The same call with each tensor changed."""
        return replace(self, arguments=_mapped(self.arguments, lambda tensor: change(tensor.detach())))

    def of_scores(self) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
        """The values as a function of what the network emits, and that."""
        scores: list[Tensor] = []
        _mapped(self.arguments, lambda tensor: scores.append(tensor) if tensor.requires_grad else None)

        def function(*given: Tensor) -> Tensor:
            rest = iter(given)
            arguments = _mapped(self.arguments, lambda each: next(rest) if each.requires_grad else each)
            return check_values(self.function(*arguments))[0]

        return function, tuple(scores)


class LossSubject(Subject):
    """A loss, with calls of it for every target that it fits."""

    @property
    def loss(self) -> Loss:
        """The entry."""
        entry = self.entry
        assert isinstance(entry, Loss)
        return entry

    @cached_property
    def calls(self) -> list[Call]:
        """At least one for each target.

        Raises:
            Inapplicable: No installed network is trained with it, so that nobody knows how it is called.
        """
        return [call for kind in self.loss.fits for call in self._calls(kind)]

    @cached_property
    def sound(self) -> list[Call]:
        """The calls whose values have the batch along their first axis; nothing else can be asked of the rest.

        Raises:
            Inapplicable: There is none.
        """
        found = [call for call in self.calls if call.fault() == ""]
        if not found:
            raise Inapplicable("its values are reduced already")
        return found

    def _calls(self, kind: str) -> Iterator[Call]:
        if kind in _OF_OBJECTIVES:
            yield from self._recorded(kind)
            return
        _, scores, truth = example_of(kind)
        if self.loss.link == "log":
            truth = truth.abs()
        yield Call(kind, self.make(), (scores.requires_grad_(), truth), len(truth))

    def _recorded(self, kind: str) -> list[Call]:
        """What an objective calls it with while one batch is played.

        Raises:
            Inapplicable: No installed network is trained with it.
        """
        refusals = []
        for registered in self._players(kind):
            subject = NetworkSubject(registered, self.registry)
            specimen = subject.principal[0]
            built = subject.build(specimen)
            recorder = Recorder(self.make(), len(specimen.batch))
            try:
                for _ in build_objective(built.recipe, self.registry, recorder)(
                    built.networks, specimen.batch
                ):
                    pass
            except UsageError as refusal:
                refusals.append(f"{registered.entry.name}: {refusal.message}")
                continue
            return recorder.calls
        told = "; ".join(refusals) or f"none predicts {kind}"
        raise Inapplicable(f"no installed network is trained with it: {told}")

    def _players(self, kind: str) -> list[Registered]:
        """Architectures that may be trained with this loss, the likeliest first."""
        offered = [
            each
            for each in self.registry.kind("architecture")
            if isinstance(each.entry, Architecture)
            and kind in each.entry.predicts
            and not each.entry.unsupported
        ]
        offered.sort(key=lambda each: (each.plugin != self.registered.plugin, not _names(each, self.loss)))
        return offered


@dataclass(frozen=True)
class Recorder:
    """Stands for a loss and remembers what it and its methods were called with.

    Attributes:
        loss: The loss itself.
        size: Examples in the batch.
        calls: Those with tensors alone that gave values.
    """

    loss: Any
    size: int
    calls: list[Call] = field(default_factory=list)

    def __call__(self, *arguments: Any) -> Any:
        """What the loss gives."""
        return self._called("loss", self.loss, arguments)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.loss, name)
        return (lambda *arguments: self._called(name, found, arguments)) if callable(found) else found

    def _called(self, what: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        given = function(*arguments)
        try:
            kept = _mapped(arguments, _in_double)
        except TypeError:
            return given  # a network or a function is among them: what comes of it is not the loss's alone
        self.calls.append(Call(what, function, kept, self.size))
        return given


def _names(registered: Registered, loss: Loss) -> bool:
    entry = registered.entry
    return isinstance(entry, Architecture) and entry.recipe.get("loss.name") == loss.name


def _in_double(tensor: Tensor) -> Tensor:
    kept = tensor.detach().double() if tensor.is_floating_point() else tensor.detach()
    return kept.requires_grad_(tensor.requires_grad)


def _mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same structure of tuples with each tensor changed.

    Raises:
        TypeError: Something else is among them.
    """
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple):
        parts = [_mapped(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    raise TypeError(f"{type(value).__name__} is not a tensor")
