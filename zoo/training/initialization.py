"""Applies a recipe's initializers to the parameters of a network."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import torch

from zoo.contracts.recipe import Choice, Initialization
from zoo.errors import UsageError
from zoo.options import schema_of
from zoo.registry import Registry

Fill = Callable[[torch.Tensor], Any]


def initialize(module: torch.nn.Module, initialization: Initialization, registry: Registry) -> None:
    """Draws parameters by name pattern, else by role; what nothing names keeps the network's own values.

    Weights are parameters with two or more dimensions; biases are those called ``bias``. The scale and
    shift of a normalisation layer are neither weights nor, for the scale, biases.

    Raises:
        UsageError: A pattern matches no parameter, or an initializer cannot fill a shape.
    """
    patterns = {pattern: _build(choice, registry) for pattern, choice in initialization.parameters.items()}
    by_role = {
        role: _build(choice, registry)
        for role, choice in (("weights", initialization.weights), ("biases", initialization.biases))
        if choice is not None
    }
    unmatched = set(patterns)
    for name, parameter in module.named_parameters():
        matching = [pattern for pattern in patterns if fnmatchcase(name, pattern)]
        unmatched -= set(matching)
        fill = patterns[matching[0]] if matching else by_role.get(_role(name, parameter))
        if fill is not None:
            _fill(fill, name, parameter)
    if unmatched:
        names = ", ".join(name for name, _ in module.named_parameters())
        raise UsageError(
            f"initialization pattern {min(unmatched)!r} matches no parameter", fix=f"parameters: {names}"
        )


def _role(name: str, parameter: torch.Tensor) -> str:
    if parameter.ndim >= 2:
        return "weights"
    return "biases" if name.rpartition(".")[2].startswith("bias") else ""


def _build(choice: Choice, registry: Registry) -> Fill:
    registered = registry.get("initializer", choice.name)
    options: Mapping[str, Any] = schema_of(registry.load(registered)).arguments(
        choice.options, where="initialization."
    )
    return registry.build(registered, **options)  # type: ignore[no-any-return]


def _fill(fill: Fill, name: str, parameter: torch.Tensor) -> None:
    with torch.no_grad():
        try:
            fill(parameter)
        except UsageError as error:
            raise UsageError(f"parameter {name}: {error.message}", fix=error.fix) from error
