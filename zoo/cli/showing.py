"""``zoo show``: an entry's options, read from its factory's signature."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo import models
from zoo.cli.completing import ENTRY
from zoo.cli.tables import render
from zoo.contracts.entries import KINDS, Architecture, Loss, Model, Objective
from zoo.registry import Registered, Registry
from zoo.words import write_value

if TYPE_CHECKING:
    from zoo.options import Option

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
    from zoo.options import schema_of

    sections = [(reader.name, reader.read) for reader in READERS] + [("every data set", shared_options)]
    for title, factory in sections:
        yield f"{title}\n{_options(schema_of(factory).options, 'data.')}"


def _describe(each: Registered, registry: Registry) -> str:
    entry, plugin = each.entry, each.plugin
    lines = [f"{entry.name}: {entry.kind} of {plugin.distribution} {plugin.version}", entry.summary]
    if isinstance(entry, Model):
        return "\n".join([*lines, *_certified(models.file_of(each, registry))])
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
    lines += [f"exempt from {check}: {reason}" for check, reason in entry.exempt.items()]
    # It imports pydantic, which a model has no need of.
    from zoo.options import schema_of

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


def _certified(path: Path) -> list[str]:
    """What a model's certificate says of it."""
    from zoo.distributions import card
    from zoo.runtime import load

    certificate = load(path).certificate
    metrics = [f"{name} {value}" for name, value in card.metrics(certificate)]
    made = [" ".join(pair) for pair in card.versions(certificate)]
    rows = [
        *card.facts(certificate),
        ("metrics", f"{card.listed(metrics)} on {certificate.num_examples:,} held-out examples"),
        ("made with", card.listed(made)),
        ("file", str(path)),
    ]
    return [f"{name}: {value}" for name, value in rows]


def _options(options: "Sequence[Option]", prefix: str) -> str:
    rows = [(f"  {prefix}{option.name}", option.type, _default(option), option.meaning) for option in options]
    return render(rows, header=("  option", "type", "default", "meaning")) if rows else "no options"


def _default(option: "Option") -> Any:
    return "required" if option.is_required else write_value(option.default)
