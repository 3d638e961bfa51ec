"""Finds the installed plugins and imports their registration modules, guarded.

Entry-point metadata is read first. Then each registration module is imported: a plugin that fails is
listed as broken with its cause and disturbs no other. What no guard within this process can hold, an
import that never returns or that ends the interpreter, is found out in another process beforehand, once
for each version of a plugin's files (``zoo.verdicts``).
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any, Self

import pluggy

from zoo import hookspecs, verdicts
from zoo.contracts.entries import Entry
from zoo.errors import PluginError

GROUP = "zoo"
CORE = "zoo-core"


@dataclass(frozen=True)
class Plugin:
    """An installed distribution's registration module.

    Attributes:
        distribution: Its name on the package index.
        version: Its version.
        module: The module that registers.
        entries: What it offers.
        cause: Why it is broken; empty when it is not.
        load_s: Seconds that importing the module and asking for its entries took.
    """

    distribution: str
    version: str
    module: str
    entries: tuple[Entry, ...] = ()
    cause: str = ""
    load_s: float = 0.0

    @property
    def status(self) -> str:
        """``"ok"`` or ``"broken"``."""
        return "broken" if self.cause else "ok"


@dataclass(frozen=True)
class Offer:
    """An entry point with what its distribution says; read once, since each reading parses a file.

    Attributes:
        point: The entry point.
        distribution: The distribution's name; the module's where its metadata is damaged and names none.
        version: Its version.
        requires: Its requirements, as they are written.
    """

    point: metadata.EntryPoint
    distribution: str
    version: str
    requires: tuple[str, ...]

    @classmethod
    def of(cls, point: metadata.EntryPoint) -> Self:
        """Reads the metadata of the distribution."""
        said = None if point.dist is None else point.dist.metadata
        if said is None:
            return cls(point, point.value, "unknown", ())
        [name, *_] = said.get_all("Name") or [point.value]
        [version, *_] = said.get_all("Version") or ["unknown"]
        return cls(point, name, version, tuple(said.get_all("Requires-Dist") or ()))

    @property
    def key(self) -> tuple[bool, str, str]:
        """Sorts the core's own first; nothing depends on the order of installation."""
        return self.distribution != CORE, self.distribution, self.point.name


def plugin_manager() -> pluggy.PluginManager:
    """A manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def find_offers() -> list[Offer]:
    """Every entry point of a plugin, from metadata alone: nothing is imported."""
    return sorted(map(Offer.of, metadata.entry_points(group=GROUP)), key=lambda offer: offer.key)


def discover_plugins(
    manager: pluggy.PluginManager, environ: Mapping[str, str], *, is_retry: bool = False
) -> list[Plugin]:
    """Imports the registration modules of the plugins that ``ZOO_PLUGINS`` names, or all.

    Args:
        manager: Where their hooks are registered.
        environ: The environment's variables.
        is_retry: Whether plugins whose import once hung or crashed are tried again.
    """
    offers = _chosen(find_offers(), environ.get("ZOO_PLUGINS"))
    causes = {offer: cause for offer in offers if (cause := _incompatibility(offer))}
    others = [offer for offer in offers if offer.distribution != CORE and offer not in causes]
    judged = verdicts.judge([offer.point for offer in others], environ, is_retry=is_retry)
    causes |= zip(others, judged, strict=True)
    # What a module prints while it is imported does not belong to anybody's results.
    with redirect_stdout(sys.stderr):
        return [_load(offer, causes.get(offer, ""), manager) for offer in offers]


def normalise(name: str) -> str:
    """A distribution's name in the one spelling in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()


def describe(error: BaseException) -> str:
    """An exception in one line, without the C++ frames that PyTorch puts behind some."""
    text = " ".join(str(error).split()).partition(" Exception raised from ")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _chosen(offers: Iterable[Offer], wanted: str | None) -> list[Offer]:
    if wanted is None:
        return list(offers)
    names = {normalise(name) for name in wanted.split(",")}
    return [
        offer
        for offer in offers
        if offer.distribution == CORE or {normalise(offer.distribution), normalise(offer.point.name)} & names
    ]


def _load(offer: Offer, cause: str, manager: pluggy.PluginManager) -> Plugin:
    plugin = Plugin(offer.distribution, offer.version, offer.point.value, cause=cause)
    if cause:
        return plugin
    started_at = time.perf_counter()
    try:
        entries = _register(offer.point.load(), f"{offer.distribution}:{offer.point.name}", manager)
    except (Exception, SystemExit) as error:
        return replace(plugin, cause=error.message if isinstance(error, PluginError) else describe(error))
    return replace(plugin, entries=entries, load_s=time.perf_counter() - started_at)


def _register(module: Any, name: str, manager: pluggy.PluginManager) -> tuple[Entry, ...]:
    if (known := manager.get_name(module)) is not None:
        raise PluginError(f"its module is registered by {known} already")
    try:
        manager.register(module, name=name)
        manager.check_pending()
        return tuple(_entries(module, name, manager))
    except (Exception, SystemExit):
        if manager.get_plugin(name) is module:
            manager.unregister(module)
        raise


def _entries(module: Any, name: str, manager: pluggy.PluginManager) -> Iterator[Entry]:
    implementations = [each for each in manager.hook.zoo_register.get_hookimpls() if each.plugin is module]
    seen: set[tuple[str, str]] = set()
    for implementation in implementations:
        entries = implementation.function()
        if not isinstance(entries, Sequence) or not all(isinstance(entry, Entry) for entry in entries):
            raise PluginError(
                f"zoo_register of {name} returned {type(entries).__name__}, not a list of entries"
            )
        for entry in entries:
            if (entry.kind, entry.name) in seen:
                raise PluginError(f"zoo_register of {name} offers the {entry.kind} {entry.name!r} twice")
            seen.add((entry.kind, entry.name))
            yield entry


def _incompatibility(offer: Offer) -> str:
    """Why a plugin's metadata asks for another Zoo; empty where it does not."""
    if offer.distribution == CORE:
        return ""
    try:
        for text in offer.requires:
            if normalise(text).startswith(CORE) and not _is_plainly_met(text):
                _require_met(text)
    except Exception as error:
        return error.message if isinstance(error, PluginError) else describe(error)
    return ""


def _require_met(text: str) -> None:
    from packaging.requirements import Requirement  # slow to import, and seldom needed

    requirement = Requirement(text)
    is_ours = normalise(requirement.name) == CORE
    if not is_ours or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
        return
    if not requirement.specifier.contains(_core_version(), prereleases=True):
        raise PluginError(f"needs {CORE} {requirement.specifier}, have {_core_version()}")


def _is_plainly_met(text: str) -> bool:
    """Whether a requirement is ``zoo-core>=1.2`` and met; packaging, slow to import, judges the others."""
    match = re.fullmatch(r"[\w.-]+(?:\[[\w, -]*\])?\s*(?:>=\s*(\d+(?:\.\d+)*))?", text.strip())
    own = re.fullmatch(r"\d+(?:\.\d+)*", _core_version())
    if match is None or own is None:
        return False
    wanted, have = ([int(part) for part in version.split(".")] for version in (match[1] or "0", own[0]))
    return wanted <= have


@cache
def _core_version() -> str:
    return metadata.version(CORE)
