"""Writes the pages of docs/reference that follow from the code.

python docs/generate_reference.py
"""

import inspect
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import click

from zoo.cli.program import root
from zoo.contracts.entries import KINDS, Architecture, Loss, Metric, Objective
from zoo.contracts.recipe import Checkpointing, EarlyStopping, Settings
from zoo.options import Option, schema_of, schema_of_settings
from zoo.registry import Registered, Registry
from zoo.words import write_value

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
# What this repository offers, whatever else is installed; bridges have pages of their own.
BRIDGES = {"zoo-pytorch-optimizer", "zoo-timm", "zoo-torchvision"}
PLUGINS = ",".join(sorted({path.name for path in (ROOT / "plugins").iterdir()} - BRIDGES))
_NOTE = "<!-- written by docs/generate_reference.py -->"
_WIDTH = 100
_PREFIXES = {"architecture": "model.", "dataset": "data.", "initializer": "initialization.weights."}
FROM_DATA = object()
_PLURALS = {"loss": "losses"}


def main() -> None:
    """Writes every page."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each page by file name."""
    with patch.dict(os.environ, {"ZOO_PLUGINS": PLUGINS}):
        return {
            "command-line.md": _page("Command line", _commands()),
            "entries.md": _page("Entries", _entries(Registry.discover())),
            "recipe-keys.md": _page("Recipe keys", _recipe_keys()),
        }


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *parts]) + "\n"


def _commands() -> Iterator[str]:
    yield "Results go to standard output, everything else to standard error. [Exit codes](errors.md), [JSON](json.md)."
    context = click.Context(
        root, info_name="zoo", terminal_width=_WIDTH, max_content_width=_WIDTH, **root.context_settings
    )
    yield _text(root.get_help(context))
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield f"## zoo {name}"
        yield _text(command.get_help(inner))


def _text(help_text: str) -> str:
    return f"```text\n{help_text}\n```"


def _entries(registry: Registry) -> Iterator[str]:
    yield (
        "What Zoo and its first-party plugins offer, without the bridges to other libraries. `zoo show NAME` "
        "prints the same for any installed entry."
    )
    for kind in KINDS:
        yield f"## {_PLURALS.get(kind.kind, kind.kind + 's').capitalize()}"
        for each in registry.kind(kind.kind):
            yield from _entry(each, registry)
    yield "## Readers of files and folders"
    yield from _readers()


def _entry(each: Registered, registry: Registry) -> Iterator[str]:
    entry = each.entry
    yield f"### {entry.name} {{: #{entry.kind}-{entry.name} }}"
    yield f"{entry.summary}. From `{each.plugin.distribution}`."
    if isinstance(entry, Architecture):
        yield f"Accepts {', '.join(entry.accepts)}; predicts {', '.join(entry.predicts)}."
        if entry.recipe:
            yield (
                "Brings "
                + ", ".join(f"`{key}={write_value(value)}`" for key, value in entry.recipe.items())
                + "."
            )
    if isinstance(entry, Loss):
        yield f"Fits {', '.join(entry.fits)}; expects {entry.expects}."
    if isinstance(entry, Objective):
        yield f"Fits {', '.join(entry.fits) or 'any target'}; played by {', '.join(entry.plays)}."
    if isinstance(entry, Metric):
        yield f"Fits {', '.join(entry.fits)}; {'higher' if entry.higher_is_better else 'lower'} is better."
    if entry.reference:
        yield f"Reference: {entry.reference}."
    options = schema_of(registry.load(each)).options
    if options:
        yield _table(_PREFIXES.get(entry.kind, f"{entry.kind}."), options)


def _readers() -> Iterator[str]:
    from zoo.data.readers import READERS
    from zoo.data.sources import shared_options

    yield "`--data` takes a path too; the reader that recognises it has these options."
    for reader in READERS:
        yield f"### {reader.name}"
        options = schema_of(reader.read).options
        yield _table("data.", options) if options else "No options of its own."
    yield "### Every data set"
    yield _table("data.", schema_of(shared_options).options)


def _recipe_keys() -> Iterator[str]:
    yield (
        "The keys of a recipe, in TOML and as `key=value` words. "
        "What no one says comes from the architecture, or else from the [data](../explanation/defaults.md)."
    )
    yield "## Settings"
    yield _table("", [_without_placeholder(option) for option in schema_of_settings(Settings).options])
    yield "## Early stopping"
    yield "Off unless one of these is given."
    yield _table("early_stopping.", schema_of_settings(EarlyStopping).options)
    yield "## Checkpoints"
    yield _table("checkpoint.", schema_of_settings(Checkpointing).options)
    yield "## Entries"
    yield (
        "`model`, `data`, `objective`, `loss`, `optimizer` and `schedule` each name an [entry](entries.md); "
        "its options stand below the key: `optimizer=sgd optimizer.lr=0.1`."
    )
    yield "`initialization.weights`, `initialization.biases` and `initialization.parameters.PATTERN` name an initializer; a number stands for the constant one."


def _table(prefix: str, options: Iterable[Option]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for option in options:
        cells = (f"`{prefix}{option.name}`", f"`{option.type}`", _default(option), option.meaning)
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines)


def _without_placeholder(option: Option) -> Option:
    """These defaults follow from the data, so that the value in the code is never used."""
    is_derived = option.name in {"epochs", "batch_size", "metrics"}
    return replace(option, default=FROM_DATA) if is_derived else option


def _default(option: Option) -> str:
    if option.default is inspect.Parameter.empty:
        return "required"
    if option.default is FROM_DATA:
        return "[from the data](../explanation/defaults.md)"
    return f"`{write_value(option.default)}`" if write_value(option.default) else ""


if __name__ == "__main__":
    main()
