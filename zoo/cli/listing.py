"""``zoo list``: what the zoo holds, from metadata alone."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import click

from zoo.cli.completing import KIND
from zoo.cli.tables import render
from zoo.contracts.entries import KINDS, PLURALS, Architecture
from zoo.registry import Plugin, Registered, Registry


@click.command("list")
@click.argument("kind", type=KIND, required=False)
@click.option("--accepts", metavar="KIND", help="Only architectures that take this input, for example image.")
@click.option("--match", metavar="GLOB", default="*", help="Only names that match, for example 'res*'.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def list_entries(kind: str | None, accepts: str | None, match: str, as_json: bool) -> None:
    """List what the zoo holds: architectures, losses, optimizers and the rest."""
    registry = Registry.discover()
    found = [each for each in registry if _is_wanted(each, kind, accepts, match)]
    broken = [plugin for plugin in registry.plugins if plugin.cause]
    if as_json:
        rows = [_row(each) for each in found]
        rows += [_broken_row(plugin) for plugin in broken] if kind is None and accepts is None else []
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo("\n\n".join(_sections(found)) or "nothing matches")
    for plugin in broken:
        click.echo(
            f"warning: plugin {plugin.distribution} {plugin.version} is broken: {plugin.cause}", err=True
        )


def _is_wanted(each: Registered, kind: str | None, accepts: str | None, match: str) -> bool:
    entry = each.entry
    if kind is not None and PLURALS[entry.kind] != kind:
        return False
    if accepts is not None and not (isinstance(entry, Architecture) and accepts in _reachable(entry)):
        return False
    return fnmatchcase(entry.name, match) or fnmatchcase(each.qualified_name, match)


def _reachable(entry: Architecture) -> set[str]:
    """Raw kinds count too: images and tables become vectors by themselves."""
    return {*entry.accepts, *(("image", "table") if "vector" in entry.accepts else ())}


def _sections(found: list[Registered]) -> Iterator[str]:
    for kind in KINDS:
        rows = [
            (f"  {each.entry.name}", each.plugin.distribution, each.plugin.version, each.entry.summary)
            for each in sorted(found, key=lambda each: each.entry.name)
            if each.entry.kind == kind.kind
        ]
        if rows:
            yield f"{PLURALS[kind.kind]} ({len(rows)})\n{render(rows)}"


def _row(each: Registered) -> dict[str, Any]:
    return {
        "kind": each.entry.kind,
        "name": each.entry.name,
        "plugin": each.plugin.distribution,
        "version": each.plugin.version,
        "summary": each.entry.summary,
        "status": each.plugin.status,
    }


def _broken_row(plugin: Plugin) -> dict[str, Any]:
    return {
        "kind": "plugin",
        "name": plugin.distribution,
        "plugin": plugin.distribution,
        "version": plugin.version,
        "summary": plugin.cause,
        "status": plugin.status,
    }
