"""``zoo plugins``: what is installed, and what is wrong with it."""

import json

import click

from zoo.cli.tables import render
from zoo.registry import Registry


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def plugins(as_json: bool) -> None:
    """List the installed plugins with version, number of entries and health."""
    found = Registry.discover().plugins
    if as_json:
        rows = [
            {
                "plugin": plugin.distribution,
                "version": plugin.version,
                "entries": len(plugin.entries),
                "status": plugin.status,
                "cause": plugin.cause,
            }
            for plugin in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    table = [(p.distribution, p.version, len(p.entries), p.status, p.cause) for p in found]
    click.echo(render(table, header=("plugin", "version", "entries", "status", "")))
