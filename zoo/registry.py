"""Resolves names to factories; nothing is imported before it is needed.

Factories are imported one at a time, on use. A registry is an object that is passed; there is no module
state. How plugins are found and what guards against broken ones is in ``zoo.discovery``.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from zoo.contracts.entries import KINDS, PLURALS, Entry
from zoo.discovery import CORE, Plugin, describe, discover_plugins, normalise, plugin_manager
from zoo.errors import EnvironmentFault, PluginError, UsageError, ZooError, did_you_mean, first_of

__all__ = ["CORE", "TRAIN_EXTRA", "Plugin", "Registered", "Registry", "describe", "missing_extra"]

TRAIN_EXTRA = frozenset(
    {
        "annotated_types",
        "faster_coco_eval",
        "hatchling",
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

    def require_support(self) -> None:
        """Refuses what is offered by name alone.

        Raises:
            UsageError: Tells the plugin's reason.
        """
        if self.entry.unsupported:
            raise UsageError(
                f"the {self} cannot be used: {self.entry.unsupported}",
                fix=f"choose another: zoo list {PLURALS[self.entry.kind]}",
            )


class Registry:
    """Every entry that can be used, and every plugin that was found."""

    def __init__(self, entries: Iterable[Entry] = (), *, plugins: Iterable[Plugin] = ()) -> None:
        own = Plugin("local", "0", "local", tuple(entries))
        self.plugins = tuple(plugins) + ((own,) if own.entries else ())
        self.hooks = plugin_manager()
        self._by_kind: dict[str, dict[str, list[Registered]]] = {kind.kind: {} for kind in KINDS}
        for plugin in self.plugins:
            for entry in plugin.entries:
                self._by_kind[entry.kind].setdefault(entry.name, []).append(Registered(entry, plugin))

    @classmethod
    def discover(cls, environ: Mapping[str, str] = os.environ, *, is_retry: bool = False) -> Self:
        """Finds the installed plugins.

        Args:
            environ: ``ZOO_PLUGINS`` names the distributions to load, if it is set; ``ZOO_PLUGIN_TIMEOUT``
                is how many seconds the first import of each may take.
            is_retry: Whether plugins whose import once hung or crashed are tried again.
        """
        manager = plugin_manager()
        registry = cls(plugins=discover_plugins(manager, environ, is_retry=is_retry))
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

    def has(self, kind: str, name: str) -> bool:
        """Whether at least one plugin offers it."""
        return bool(self._find(kind, name))

    def known(self, kind: str, is_wanted: Callable[[Any], bool] = lambda entry: True) -> str:
        """Names of a kind for an error: a bridge offers hundreds, so those of small plugins come first."""
        found = [each for each in self.kind(kind) if is_wanted(each.entry)]
        found.sort(key=lambda each: len(each.plugin.entries))
        return first_of([each.entry.name for each in found])

    def get(self, kind: str, name: str) -> Registered:
        """The entry of that kind and name.

        Raises:
            UsageError: There is none, or several plugins offer it.
            PluginError: It names a distribution that is not installed.
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
        raise self.missing(kind, name, self.names(kind))

    def missing(self, what: str, name: str, known: Iterable[str]) -> ZooError:
        """The error for a name that nothing has.

        Args:
            what: What was looked for, for example ``"loss"``.
            name: Its name; with a distribution before a slash, that is judged first.
            known: Names that there are.
        """
        message = f"there is no {what} {name!r}"
        distribution, slash, _ = name.partition("/")
        broken = [f"{plugin.distribution} ({plugin.cause})" for plugin in self.plugins if plugin.cause]
        if slash and not any(_is_meant(plugin, distribution) for plugin in self.plugins):
            wanted = normalise(distribution)
            wanted = wanted if wanted.startswith("zoo-") else f"zoo-{wanted}"
            return PluginError(
                f"{message}: no plugin {wanted} is installed",
                fix=f"`zoo install {wanted}`, if that is where it comes from; `zoo plugins` shows what is there",
            )
        text = did_you_mean(name, known)
        return UsageError(message, fix=text + (f"; broken plugins: {', '.join(broken)}" if broken else ""))

    def require(self, plugins: Iterable[Mapping[str, str]], what: str) -> None:
        """Refuses what was made with plugins that are not all here.

        Args:
            plugins: ``distribution`` and ``version`` of each.
            what: What was made with them.

        Raises:
            PluginError: Names the distribution and version to install.
        """
        for each in plugins:
            name, version = each["distribution"], each["version"]
            same = [plugin for plugin in self.plugins if _is_called(plugin, name)]
            if any(not plugin.cause for plugin in same):
                continue
            absent = "not installed, or left out by ZOO_PLUGINS" if _is_a_choice() else "not installed"
            state = f"broken ({same[0].cause})" if same else absent
            raise PluginError(
                f"{what} was trained with {name} {version}, which is {state}",
                fix=f"zoo install {name}=={version}; `zoo plugins` shows what is installed",
            )

    def load(self, registered: Registered) -> Callable[..., Any]:
        """Imports the factory behind an entry.

        Raises:
            UsageError: The plugin offers it by name alone.
            PluginError: The plugin's module or attribute cannot be imported.
            EnvironmentFault: The ``train`` extra is not installed.
        """
        registered.require_support()
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


def missing_extra(module: str | None, what: str) -> EnvironmentFault:
    """The error for something that needs the ``train`` extra."""
    return EnvironmentFault(
        f"{what} needs {module}, which is not installed", fix="pip install 'zoo-core[train]'"
    )


def _is_a_choice() -> bool:
    return "ZOO_PLUGINS" in os.environ


def _is_meant(plugin: Plugin, distribution: str) -> bool:
    """By its name, or without the ``zoo-`` before it."""
    return _is_called(plugin, distribution) or _is_called(plugin, f"zoo-{distribution}")


def _is_called(plugin: Plugin, distribution: str) -> bool:
    return normalise(plugin.distribution) == normalise(distribution)
