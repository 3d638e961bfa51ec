"""A plugin's checks as rows of pytest."""

from collections.abc import Callable, Iterator
from typing import Any

from zoo.registry import Plugin, Registered, Registry
from zoo.testing.checks import Check, Subject
from zoo.testing.running import run, suite_of


def conformance(distribution: str) -> Callable[..., None]:
    """A test for pytest with one row for each entry and check of an installed distribution.

    Put what it returns into a test module under a name that begins with ``test``. A distribution that is
    not installed, is broken, or offers nothing has one row that fails and says so.

    Args:
        distribution: Its name on the package index, for example ``"zoo-mynet"``.
    """
    import pytest  # the kit is used without it too

    registry = Registry.discover()
    fault = _fault(registry, distribution)
    rows = [None] if fault else list(_rows(registry, distribution))
    subjects: dict[tuple[str, str], Subject] = {}

    @pytest.mark.parametrize("row", rows, ids=_name)
    def test_conformance(row: tuple[Registered, Check] | None) -> None:
        if row is None:
            pytest.fail(fault, pytrace=False)
        registered, each = row
        # What one check has built, the next one need not build again.
        key = (registered.entry.kind, registered.entry.name)
        if key not in subjects:
            subjects[key] = suite_of(registered.entry.kind).subject(registered, registry)
        found = run(each, subjects[key])
        if found.outcome == "failed":
            pytest.fail(
                f"{found.kind} {found.entry} fails {found.check} ({each.meaning}): {found.reason}",
                pytrace=False,
            )
        if found.outcome == "skipped":
            pytest.skip(found.reason)

    return test_conformance


def _rows(registry: Registry, distribution: str) -> Iterator[tuple[Registered, Check]]:
    for registered in registry:
        if registered.plugin.distribution == distribution:
            for each in suite_of(registered.entry.kind).checks:
                yield registered, each


def _fault(registry: Registry, distribution: str) -> str:
    found = [plugin for plugin in registry.plugins if plugin.distribution == distribution]
    if not found:
        known = ", ".join(sorted({plugin.distribution for plugin in registry.plugins}))
        return f"{distribution} is not an installed plugin; installed: {known}"
    broken: list[Plugin] = [plugin for plugin in found if plugin.cause]
    if broken:
        return f"{distribution} is broken: {broken[0].cause}"
    return "" if any(plugin.entries for plugin in found) else f"{distribution} offers no entry"


def _name(row: Any) -> str:
    if row is None:
        return "registration"
    registered, each = row
    return f"{registered.entry.kind}-{registered.entry.name}-{each.name}"
