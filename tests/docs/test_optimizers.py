"""The figures on the page are those of the results' file."""

from benchmarks import machine, optimizers, optimizers_page
from benchmarks.bridges import BRIDGES
from zoo.registry import Registry


def first_party():
    entries = Registry.discover().kind("optimizer")
    return [each for each in entries if each.plugin.distribution in ("zoo-core", *BRIDGES)]


def test_every_table_is_what_its_results_say():
    text = optimizers_page.PAGE.read_text()
    assert optimizers_page.render(text) == text, "python -m benchmarks.optimizers_page"


def test_every_optimizer_that_is_installed_was_asked():
    asked = {row["optimizer"] for row in machine.read("optimizers")["optimizers"]}
    assert {each.qualified_name for each in first_party()} == asked


def test_what_is_unsupported_is_so_for_the_reason_that_the_registry_gives():
    rows = {row["optimizer"]: row for row in machine.read("optimizers")["optimizers"]}
    for each in first_party():
        said = each.entry.unsupported or optimizers.EXCEPTIONS.get(each.entry.name, "")
        row = rows[each.qualified_name]
        assert (row["reason"] if row["status"] == "unsupported" else "") == said


def test_none_failed():
    rows = machine.read("optimizers")["optimizers"]
    assert [row["optimizer"] for row in rows if row["status"] == "failed"] == []
