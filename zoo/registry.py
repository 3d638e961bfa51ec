"""Discovers plugins and resolves names to factories; nothing is imported before it is needed.

Discovery reads entry-point metadata, then imports each plugin's registration module behind a guard: a
plugin that fails is listed as broken with its cause and disturbs no other. Factories are imported one at
a time, on use. A registry is an object that is passed; there is no module state.
"""

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any, Self

import pluggy

from zoo import hookspecs
from zoo.contracts.entries import KINDS, PLURALS, Entry
from zoo.errors import EnvironmentFault, PluginError, UsageError, ZooError, did_you_mean

GROUP = "zoo"
CORE = "zoo-core"
TRAIN_EXTRA = frozenset(
    {
        "annotated_types",
        "faster_coco_eval",
        "onnx",
        "onnxscript",
        "pydantic",
        "safetensors",
        "sklearn",
        "spox",
        "tomli_w",
        "torch",
        "torchmetrics",
        "torchvision",
    }
)


@dataclass(frozen=True)
class Plugin:
    """An installed distribution's registration module.

    Attributes:
        distribution: Its name on the package index.
        version: Its version.
        module: The module that registers.
        entries: What it offers.
        cause: Why it is broken; empty when it is not.
    """

    distribution: str
    version: str
    module: str
    entries: tuple[Entry, ...] = ()
    cause: str = ""

    @property
    def status(self) -> str:
        """``"ok"`` or ``"broken"``."""
        return "broken" if self.cause else "ok"


@dataclass(frozen=True)
class Registered:
    """An entry together with the plugin that offers it."""

    entry: Entry
    plugin: Plugin

    @property
    def qualified_name(self) -> str:
        """``distribution/name``, which stays unique when two plugins offer one name."""
        return f"{self.plugin.distribution}/{self.entry.name}"

    def __str__(self) -> str:
        return f"{self.entry.kind} {self.entry.name!r} of {self.plugin.distribution} {self.plugin.version}"


class Registry:
    """Every entry that can be used, and every plugin that was found."""

    def __init__(self, entries: Iterable[Entry] = (), *, plugins: Iterable[Plugin] = ()) -> None:
        own = Plugin("local", "0", "local", tuple(entries))
        self.plugins = tuple(plugins) + ((own,) if own.entries else ())
        self.hooks = _plugin_manager()
        self._by_kind: dict[str, dict[str, list[Registered]]] = {kind.kind: {} for kind in KINDS}
        for plugin in self.plugins:
            for entry in plugin.entries:
                self._by_kind[entry.kind].setdefault(entry.name, []).append(Registered(entry, plugin))

    @classmethod
    def discover(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Finds the installed plugins; ``ZOO_PLUGINS`` names the distributions to load, if it is set."""
        manager = _plugin_manager()
        points = _chosen(metadata.entry_points(group=GROUP), environ.get("ZOO_PLUGINS"))
        registry = cls(plugins=[_load_plugin(point, manager) for point in points])
        registry.hooks = manager
        return registry

    def __iter__(self) -> Iterator[Registered]:
        for by_name in self._by_kind.values():
            for same_name in by_name.values():
                yield from same_name

    def kind(self, kind: str) -> list[Registered]:
        """The entries of one kind, by name."""
        return sorted(
            (found for found in self if found.entry.kind == kind), key=lambda found: found.entry.name
        )

    def names(self, kind: str) -> list[str]:
        """Names that ``get`` accepts: bare where unique, ``distribution/name`` where two plugins clash.

        What Zoo itself offers keeps its bare name.
        """
        return sorted(
            found.entry.name if self._find(kind, found.entry.name) == [found] else found.qualified_name
            for same in self._by_kind[kind].values()
            for found in same
        )

    def get(self, kind: str, name: str) -> Registered:
        """The entry of that kind and name.

        Raises:
            UsageError: There is none, or several plugins offer it.
        """
        found = self._find(kind, name)
        if len(found) == 1:
            return found[0]
        if found:
            spellings = " or ".join(repr(each.qualified_name) for each in found)
            raise UsageError(
                f"{kind} {name!r} is offered by {len(found)} plugins: "
                + ", ".join(f"{each.plugin.distribution} {each.plugin.version}" for each in found),
                fix=f"write {spellings}",
            )
        raise UsageError(f"there is no {kind} {name!r}", fix=self._suggestion(kind, name))

    def load(self, registered: Registered) -> Callable[..., Any]:
        """Imports the factory behind an entry.

        Raises:
            UsageError: The plugin offers it by name alone.
            PluginError: The plugin's module or attribute cannot be imported.
            EnvironmentFault: The ``train`` extra is not installed.
        """
        if registered.entry.unsupported:
            raise UsageError(
                f"the {registered} cannot be used: {registered.entry.unsupported}",
                fix=f"choose another: zoo list {PLURALS[registered.entry.kind]}",
            )
        module_name, _, attribute = registered.entry.factory.partition(":")
        try:
            factory: Any = importlib.import_module(module_name)
            for part in attribute.split("."):
                factory = getattr(factory, part)
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_EXTRA:
                raise missing_extra(error.name, f"the {registered}") from error
            raise PluginError(
                f"the {registered} cannot be imported: {describe(error)}",
                fix=f"reinstall or remove {registered.plugin.distribution}; `zoo plugins` shows what is installed",
            ) from error
        return factory  # type: ignore[no-any-return]

    def build(self, registered: Registered, *arguments: Any, **options: Any) -> Any:
        """Calls the factory behind an entry.

        Raises:
            PluginError: The factory raised; its own ``ZooError`` passes through.
        """
        factory = self.load(registered)
        try:
            return factory(*arguments, **options)
        except ZooError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the {registered} failed: {describe(error)}",
                fix="check its options with `zoo show "
                + registered.entry.name
                + "`, or report it to the plugin's author",
            ) from error

    def notify(self, hook: str, **what: Any) -> None:
        """Tells every plugin that listens to a lifecycle hook.

        Raises:
            PluginError: One of them raised; names it.
        """
        for implementation in getattr(self.hooks.hook, hook).get_hookimpls():
            wanted = {name: what[name] for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except (Exception, SystemExit) as error:
                raise PluginError(
                    f"{hook} of plugin {implementation.plugin_name} failed: {describe(error)}",
                    fix="remove the plugin, or leave it out with ZOO_PLUGINS",
                ) from error

    def _find(self, kind: str, name: str) -> list[Registered]:
        found = self._by_kind[kind].get(name, [])
        if found or "/" not in name:
            # No plugin changes by being installed what the names of Zoo itself mean.
            return [each for each in found if each.plugin.distribution == CORE] or found
        distribution, _, bare = name.partition("/")
        same = self._by_kind[kind].get(bare, [])
        exact = [each for each in same if _is_called(each.plugin, distribution)]
        return exact or [each for each in same if _is_called(each.plugin, f"zoo-{distribution}")]

    def _suggestion(self, kind: str, name: str) -> str:
        text = did_you_mean(name, self.names(kind))
        broken = [f"{plugin.distribution} ({plugin.cause})" for plugin in self.plugins if plugin.cause]
        return text + (f"; broken plugins: {', '.join(broken)}" if broken else "")


def missing_extra(module: str | None, what: str) -> EnvironmentFault:
    """The error for something that needs the ``train`` extra."""
    return EnvironmentFault(
        f"{what} needs {module}, which is not installed", fix="pip install 'zoo-core[train]'"
    )


def describe(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _plugin_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def _chosen(points: Iterable[metadata.EntryPoint], wanted: str | None) -> list[metadata.EntryPoint]:
    """Sorted, so that nothing depends on the order of installation; the core's own come first."""
    ordered = sorted(
        points, key=lambda point: (_distribution(point) != CORE, _distribution(point), point.name)
    )
    if wanted is None:
        return ordered
    names = {_normalise(name) for name in wanted.split(",")}
    return [
        point
        for point in ordered
        if _distribution(point) == CORE or {_normalise(_distribution(point)), _normalise(point.name)} & names
    ]


def _load_plugin(point: metadata.EntryPoint, manager: pluggy.PluginManager) -> Plugin:
    distribution, version = _distribution(point), (point.dist and point.dist.version) or "unknown"
    try:
        _require_compatible(point)
        module = point.load()
        name = f"{distribution}:{point.name}"
        entries = _register(module, name, manager)
    except (Exception, SystemExit) as error:
        cause = error.message if isinstance(error, PluginError) else describe(error)
        return Plugin(distribution, version, point.value, cause=cause)
    return Plugin(distribution, version, point.value, entries)


def _register(module: Any, name: str, manager: pluggy.PluginManager) -> tuple[Entry, ...]:
    try:
        manager.register(module, name=name)
        manager.check_pending()
        return tuple(_entries(module, name, manager))
    except (Exception, SystemExit):
        # Nothing to undo where another entry point had registered the module before.
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


def _require_compatible(point: metadata.EntryPoint) -> None:
    """Refuses, before any import, a plugin whose metadata asks for another Zoo."""
    if point.dist is None or _distribution(point) == CORE:
        return
    for text in point.dist.requires or ():
        if not _normalise(text).startswith(CORE) or _is_plainly_met(text):
            continue
        from packaging.requirements import Requirement

        requirement = Requirement(text)
        if _normalise(requirement.name) != CORE or (
            requirement.marker and not requirement.marker.evaluate({"extra": ""})
        ):
            continue
        if not requirement.specifier.contains(_core_version(), prereleases=True):
            raise PluginError(f"needs {CORE} {requirement.specifier}, have {_core_version()}")


def _is_plainly_met(text: str) -> bool:
    """Whether a requirement is ``zoo-core>=1.2`` and met; packaging, slow to import, judges the others."""
    match = re.fullmatch(r"[\w.-]+(?:\[[\w, -]*\])?\s*>=\s*(\d+(?:\.\d+)*)", text.strip())
    own = re.fullmatch(r"\d+(?:\.\d+)*", _core_version())
    if match is None or own is None:
        return False
    wanted, have = ([int(part) for part in version.split(".")] for version in (match[1], own[0]))
    return wanted <= have


@cache
def _core_version() -> str:
    return metadata.version(CORE)


def _distribution(point: metadata.EntryPoint) -> str:
    """The distribution's name; the module's where its metadata is damaged and names none."""
    return (point.dist and point.dist.name) or point.value


def _is_called(plugin: Plugin, distribution: str) -> bool:
    return _normalise(plugin.distribution) == _normalise(distribution)


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()
