"""``zoo list``: what the zoo holds, from metadata alone."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import click

from zoo.cli.completing import KIND
from zoo.cli.facts import (
    FIELDS,
    Condition,
    arrange,
    check_field,
    conformance,
    parse_condition,
    reachable,
    reason,
    written,
)
from zoo.cli.program import printable
from zoo.cli.tables import pack, render
from zoo.contracts.entries import KINDS, PLURALS, Architecture
from zoo.registry import Plugin, Registered, Registry

_MANY = 50
_COLUMNS = ("name", "plugin", "version")


@dataclass(frozen=True)
class Wish:
    """What is to be listed: an entry has to meet all of it."""

    kind: str | None
    accepts: str | None
    match: str
    conditions: tuple[Condition, ...]

    @property
    def is_everything(self) -> bool:
        """Whether nothing was asked for in particular."""
        return self == Wish(None, None, "*", ())

    def holds(self, each: Registered) -> bool:
        """Whether the entry is wanted."""
        entry = each.entry
        if self.kind is not None and PLURALS[entry.kind] != self.kind:
            return False
        if self.accepts is not None and not (
            isinstance(entry, Architecture) and self.accepts in reachable(entry)
        ):
            return False
        is_called = fnmatchcase(entry.name, self.match) or fnmatchcase(each.qualified_name, self.match)
        return is_called and all(condition.holds(each) for condition in self.conditions)


@click.command("list")
@click.argument("kind", type=KIND, required=False)
@click.option("--accepts", metavar="KIND", help="Only architectures that take this input, for example image.")
@click.option("--match", metavar="GLOB", default="*", help="Only names that match, for example 'res*'.")
@click.option(
    "--where",
    metavar="CONDITION",
    multiple=True,
    help="Only entries with that fact, for example 'params<10M'; may be repeated.",
)
@click.option("--sort", metavar="FIELD", default="name", help="Sort by a field; -FIELD for descending.")
@click.option("--columns", metavar="FIELD,...", help="Show these fields.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list of all, with every fact.")
def list_entries(
    kind: str | None,
    accepts: str | None,
    match: str,
    where: tuple[str, ...],
    sort: str,
    columns: str | None,
    as_json: bool,
) -> None:
    """List what the zoo holds: architectures, losses, optimizers and the rest.

    Where nothing is asked for in particular, a plugin with more than 50 entries of a kind has one line for
    them; `zoo list architectures` and every filter show each.

    Fields: name, kind, plugin, version, params (parameters with the default options), size (side of the
    pictures in pixels), accepts, predicts, conformance (passed, failed, unknown or unsupported; "status"
    means the same), reference, summary. Numbers compare by < <= > >= = !=, words by = and !=, with * for
    any characters. An entry without the fact meets no condition on it.
    """
    wish = Wish(kind, accepts, match, tuple(map(parse_condition, where)))
    shown = _columns(columns, wish, sort)
    registry = Registry.discover()
    found = arrange(filter(wish.holds, registry), sort)
    broken = [plugin for plugin in registry.plugins if plugin.cause]
    if as_json:
        rows = [_row(each) for each in found]
        rows += [_broken_row(plugin) for plugin in broken] if kind is None and accepts is None else []
        click.echo(json.dumps(rows, indent=2))
        return
    is_brief = wish.is_everything and columns is None and sort == "name"
    click.echo("\n\n".join(_sections(found, shown, is_brief=is_brief)) or "nothing matches")
    for plugin in broken:
        click.echo(
            f"warning: plugin {plugin.distribution} {plugin.version} is broken: {printable(plugin.cause)}",
            err=True,
        )


def _columns(given: str | None, wish: Wish, sort: str) -> tuple[str, ...]:
    """Those that were asked for, or the usual ones and what is filtered and sorted by."""
    if given is not None:
        return tuple(check_field(name.strip(), "--columns") for name in given.split(","))
    used = [condition.field for condition in wish.conditions] + [
        check_field(sort.removeprefix("-"), "--sort")
    ]
    return tuple(dict.fromkeys((*_COLUMNS, *(field for field in used if field != "summary"), "summary")))


def _sections(found: list[Registered], columns: Sequence[str], *, is_brief: bool) -> Iterator[str]:
    for kind in KINDS:
        same = [each for each in found if each.entry.kind == kind.kind]
        if not same:
            continue
        title = f"{PLURALS[kind.kind]} ({len(same)})"
        if len(columns) == 1:
            yield f"{title}\n{pack([f'  {_cell(each, columns[0])}' for each in same])}"
            continue
        rows = list(_rows(same, columns, PLURALS[kind.kind], is_brief=is_brief))
        is_usual = columns == (*_COLUMNS, "summary")
        header = () if is_usual else (f"  {columns[0]}", *columns[1:])
        yield f"{title}\n{render(rows, header)}"


def _rows(
    same: list[Registered], columns: Sequence[str], plural: str, *, is_brief: bool
) -> Iterator[tuple[str, ...]]:
    counts = Counter((each.plugin.distribution, each.plugin.version) for each in same)
    many = {plugin: count for plugin, count in counts.items() if is_brief and count > _MANY}
    for each in same:
        if (each.plugin.distribution, each.plugin.version) not in many:
            first, *others = (_cell(each, column) for column in columns)
            yield f"  {first}", *others
    for (distribution, version), count in many.items():
        yield f"  … {count} of", distribution, version, f"zoo list {plural} --where plugin={distribution}"


def _cell(each: Registered, column: str) -> str:
    if column == "summary" and each.entry.unsupported:
        return f"unsupported: {each.entry.unsupported}"
    return written(FIELDS[column](each))


def _row(each: Registered) -> dict[str, Any]:
    facts = {
        name: FIELDS[name](each)
        for name in ("kind", "name", "plugin", "version", "summary", "reference", "params", "size")
    }
    return {
        **facts,
        "accepts": FIELDS["accepts"](each) or (),
        "predicts": FIELDS["predicts"](each) or (),
        "conformance": conformance(each),
        "reason": reason(each),
        "status": each.plugin.status,
    }


def _broken_row(plugin: Plugin) -> dict[str, Any]:
    return {
        "kind": "plugin",
        "name": plugin.distribution,
        "plugin": plugin.distribution,
        "version": plugin.version,
        "summary": plugin.cause,
        "reason": plugin.cause,
        "status": plugin.status,
    }
