"""``zoo plugins``: what is installed, and what is wrong with it."""

import json
from collections.abc import Sequence

import click

from zoo.cli.tables import render
from zoo.registry import CORE, Plugin, Registry


@click.command()
@click.option("--requirements", is_flag=True, help="Freeze the set: NAME==VERSION lines for pip.")
@click.option("--retry", is_flag=True, help="Try again those whose import once hung or crashed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def plugins(requirements: bool, retry: bool, as_json: bool) -> None:
    """List the installed plugins with version, number of entries, time to load and health.

    With --requirements, what `pip install --requirement` needs to have the same plugins again, broken ones
    left out and zoo-core itself included: a set is only the same with the same Zoo.
    """
    found = Registry.discover(is_retry=retry).plugins
    if requirements:
        click.echo("\n".join(_frozen(found)))
        for plugin in found:
            if plugin.cause:
                click.echo(f"warning: left out {plugin.distribution}: {plugin.cause}", err=True)
        return
    if as_json:
        rows = [
            {
                "plugin": plugin.distribution,
                "version": plugin.version,
                "entries": len(plugin.entries),
                "load_ms": round(1000 * plugin.load_s, 1),
                "status": plugin.status,
                "cause": plugin.cause,
            }
            for plugin in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    table = [
        (p.distribution, p.version, len(p.entries), f"{1000 * p.load_s:.1f} ms", p.status, p.cause)
        for p in found
    ]
    click.echo(render(table, header=("plugin", "version", "entries", "load", "status", "")))


def _frozen(found: Sequence[Plugin]) -> list[str]:
    """The core first, then by name; a distribution with several entry points once."""
    ordered = sorted(found, key=lambda plugin: (plugin.distribution != CORE, plugin.distribution.lower()))
    return list(
        dict.fromkeys(f"{plugin.distribution}=={plugin.version}" for plugin in ordered if not plugin.cause)
    )
