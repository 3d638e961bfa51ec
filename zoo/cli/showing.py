"""``zoo show``: an entry's options, read from its factory's signature."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from zoo.cli.completing import ENTRY
from zoo.cli.tables import render
from zoo.contracts.entries import KINDS, Architecture, Loss, Objective
from zoo.options import Option, schema_of
from zoo.registry import Registered, Registry
from zoo.words import write_value

_DATA = "data"
_PREFIXES = {"architecture": "model.", "dataset": "data.", "initializer": "initialization.weights."}


@click.command()
@click.argument("name", type=ENTRY)
def show(name: str) -> None:
    """Show an entry: where it comes from, and each option with type, default and meaning.

    `zoo show data` has the options of data in files and folders, reader by reader.
    """
    registry = Registry.discover()
    kinds = [kind.kind for kind in KINDS]
    found = [registry.get(kind, name) for kind in kinds if registry.has(kind, name)]
    if not found and name == _DATA:
        click.echo("\n\n".join(_describe_readers()))
        return
    if not found:
        known = [each for kind in kinds for each in registry.names(kind)]
        raise registry.missing("entry", name, known)
    click.echo("\n\n".join(_describe(each, registry) for each in found))


def _describe_readers() -> Iterator[str]:
    from zoo.data.readers import READERS
    from zoo.data.sources import shared_options

    sections = [(reader.name, reader.read) for reader in READERS] + [("every data set", shared_options)]
    for title, factory in sections:
        yield f"{title}\n{_options(schema_of(factory).options, 'data.')}"


def _describe(each: Registered, registry: Registry) -> str:
    entry, plugin = each.entry, each.plugin
    lines = [f"{entry.name}: {entry.kind} of {plugin.distribution} {plugin.version}", entry.summary]
    lines += [f"reference: {entry.reference}"] if entry.reference else []
    if isinstance(entry, Architecture):
        lines.append(f"accepts {', '.join(entry.accepts)}; predicts {', '.join(entry.predicts)}")
        lines += _measured(entry)
        lines += [f"recipe: {key}={write_value(value)}" for key, value in entry.recipe.items()]
    if isinstance(entry, Loss):
        lines.append(f"fits {', '.join(entry.fits)}; expects {entry.expects}")
    if isinstance(entry, Objective):
        lines.append(f"fits {', '.join(entry.fits) or 'any target'}; played by {', '.join(entry.plays)}")
    if entry.unsupported:
        return "\n".join([*lines, f"cannot be used: {entry.unsupported}"])
    options = schema_of(registry.load(each)).options
    lines.append(_options(options, _PREFIXES.get(entry.kind, f"{entry.kind}.")))
    return "\n".join(lines)


def _measured(entry: Architecture) -> Iterator[str]:
    if entry.image_size:
        yield f"pictures of differing sizes are brought to {entry.image_size} x {entry.image_size} pixels"
    if entry.num_parameters is not None:
        yield f"{entry.num_parameters:,} parameters with the default options"
    if entry.conformance:
        yield f"conformance: {entry.conformance}"


def _options(options: Sequence[Option], prefix: str) -> str:
    rows = [(f"  {prefix}{option.name}", option.type, _default(option), option.meaning) for option in options]
    return render(rows, header=("  option", "type", "default", "meaning")) if rows else "no options"


def _default(option: Option) -> Any:
    return "required" if option.is_required else write_value(option.default)
