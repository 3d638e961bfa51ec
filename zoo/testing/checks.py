"""What a check is, what it is given, and how it says that something is wrong or does not apply."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zoo.contracts.entries import Entry
from zoo.options import schema_of
from zoo.registry import Registered, Registry


class Unmet(Exception):
    """What a check expected is not what it saw."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}; seen: {seen}")


class Inapplicable(Exception):
    """There is a reason not to ask: the message says it."""


@dataclass(frozen=True)
class Subject:
    """What the checks of an entry are given.

    Attributes:
        registered: The entry and its plugin.
        registry: Where names that the entry mentions are looked up.
    """

    registered: Registered
    registry: Registry

    @property
    def entry(self) -> Entry:
        """The entry itself."""
        return self.registered.entry

    @cached_property
    def factory(self) -> Callable[..., Any]:
        """What is behind the entry."""
        return self.registry.load(self.registered)

    @cached_property
    def options(self) -> dict[str, Any]:
        """Every option at its default.

        Raises:
            Inapplicable: An option has none.
        """
        schema = schema_of(self.factory)
        needed = [option.name for option in schema.options if option.is_required]
        if needed:
            raise Inapplicable(f"it cannot be made without {', '.join(needed)}")
        return schema.arguments({}, where="")

    def make(self, *arguments: Any, **changed: Any) -> Any:
        """What the factory makes of default options, but for those that are given."""
        return self.registry.build(self.registered, *arguments, **{**self.options, **changed})


@dataclass(frozen=True)
class Check:
    """One thing that an entry of a kind has to fulfil.

    Attributes:
        function: Takes the subject; raises ``Unmet`` or ``Inapplicable``, or anything else if it broke.
    """

    function: Callable[[Any], None]

    @property
    def name(self) -> str:
        """The function's name in kebab-case."""
        return self.function.__name__.replace("_", "-")

    @property
    def meaning(self) -> str:
        """The first sentence of the function's docstring."""
        return " ".join((self.function.__doc__ or "").split("\n\n")[0].split())


@dataclass(frozen=True)
class Suite:
    """All checks of a kind.

    Attributes:
        checks: In the order in which they run, the cheap ones first.
        subject: Makes what they are given.
    """

    checks: tuple[Check, ...]
    subject: Callable[[Registered, Registry], Subject] = field(default=Subject)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the checks."""
        return tuple(check.name for check in self.checks)


def expect(is_met: bool, expected: str, seen: Any) -> None:
    """Raises ``Unmet`` unless something is as it should be."""
    if not is_met:
        raise Unmet(expected, str(seen))
