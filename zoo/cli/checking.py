"""``zoo check``: the conformance kit, in processes that a plugin may crash."""

import json
from collections.abc import Iterator, Sequence

import click

from zoo.cli.program import printable
from zoo.contracts.entries import KINDS
from zoo.errors import PluginError, UsageError, VerificationError, did_you_mean
from zoo.testing.report import Report, Row
from zoo.testing.supervision import LIMIT_S, Examination, Found, distributions, find, matching

_CHECK_WIDTH = 34


@click.command()
@click.argument("word", metavar="DIST|NAME")
@click.option("--kind", type=click.Choice([kind.kind for kind in KINDS]), help="Only entries of this kind.")
@click.option(
    "--limit",
    "limit_s",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=LIMIT_S,
    show_default=True,
    help="What one check may take.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(word: str, kind: str | None, limit_s: float, as_json: bool) -> int:
    """Check a plugin, or a single entry, against the contract.

    Each entry is checked in a process of its own. Exit 0: nothing failed. 8: a check failed. 5: the plugin
    is broken, or crashed or blocked its process.
    """
    places = _places(word, kind)
    rows, num_checks, is_broken = [], 0, False
    width = max(
        len(f"{found.distribution}/{name}") for found in places for _, name in found.entries or (("", ""),)
    )
    for found in places:
        if found.fault:
            is_broken, num_checks = True, num_checks + 1
            rows.append(found.row)
            _show([found.row], width, as_json)
        for entry_kind, name in found.entries:
            examination = Examination(found.distribution, entry_kind, name, limit_s)
            for row in examination.rows():
                rows.append(row)
                _show([row], width, as_json)
            num_checks += examination.num_checks
            is_broken = is_broken or examination.num_crashes > 0
    report = Report(tuple(rows), num_checks)
    click.echo(_document(report) if as_json else report.summary)
    if is_broken:
        return PluginError.exit_code
    return 0 if report.is_passed else VerificationError.exit_code


def _show(rows: Sequence[Row], width: int, as_json: bool) -> None:
    """A row as soon as it is there; one JSON object waits for the last."""
    for row in () if as_json else rows:
        cells = (row.entry.ljust(width), row.check.ljust(_CHECK_WIDTH), row.outcome.ljust(7), row.reason)
        click.echo("  ".join(map(printable, cells)).rstrip())


def _document(report: Report) -> str:
    document = {
        "num_checks": report.num_checks,
        "passed": report.count("passed"),
        "failed": report.count("failed"),
        "skipped": report.count("skipped"),
        "missing": report.num_missing,
        "rows": [row.to_json() for row in report.rows],
    }
    return json.dumps(document, indent=2)


def _places(word: str, kind: str | None) -> list[Found]:
    """The entries that a word stands for, by distribution: all of one, or those of one name.

    Raises:
        UsageError: There is no such distribution or entry.
    """
    distribution, _, name = word.rpartition("/")
    whole = None if distribution else matching(word)
    if whole is not None:
        found = [find(whole)]
    else:
        own = matching(distribution) if distribution else None
        found = [find(each) for each in ([own] if own else [] if distribution else distributions())]
    wanted = [_chosen(each, None if whole else name, kind) for each in found]
    places = [each for each in wanted if each.entries] or [each for each in wanted if each.fault]
    if not places:
        known = [name for each in found for has, name in each.entries if kind in (None, has)]
        known += [] if kind else distributions()
        what = f"{kind} " if kind else "plugin or entry "
        raise UsageError(f"there is no {what}{word!r} installed", fix=did_you_mean(word, known))
    return places


def _chosen(found: Found, name: str | None, kind: str | None) -> Found:
    entries = tuple(_wanted(found, name, kind))
    return Found(found.distribution, entries, found.fault)


def _wanted(found: Found, name: str | None, kind: str | None) -> Iterator[tuple[str, str]]:
    for entry_kind, entry_name in found.entries:
        if name in (None, entry_name) and kind in (None, entry_kind):
            yield entry_kind, entry_name
