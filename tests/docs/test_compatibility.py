"""The matrix of compatibility: its file, its page, and the facts that the bridges ship."""

import json

import pytest

from benchmarks import compatibility, compatibility_page, facts
from zoo.registry import Registry

ROWS = compatibility.results()
KEYS = {
    "architecture",
    "status",
    "parameters",
    "export_s",
    "max_relative_error",
    "reason",
    "image_size",
    "seconds",
}


def test_the_page_is_what_the_results_say():
    assert compatibility_page.PAGE.read_text() == compatibility_page.render(), (
        "python -m benchmarks.compatibility_page"
    )


@pytest.mark.parametrize("library", facts.LIBRARIES)
def test_the_facts_repeat_what_the_results_say(library):
    shipped, expected = facts.shipped(library), facts.shipped(library)
    facts.add_conformance(library, expected)
    further, expected_further = facts.further(library), facts.further(library)
    facts.add_further_conformance(library, expected_further)
    assert (shipped, further) == (expected, expected_further), (
        f"python -m benchmarks.facts {library} --conformance"
    )


def test_every_result_is_whole():
    for name, row in ROWS.items():
        assert set(row) <= {*KEYS, "note"}, name
        if row["status"] == "passed":
            assert 0 <= row["max_relative_error"] <= 1e-3, name
            assert row["export_s"] > 0, name
        else:
            assert row["status"] in ("failed", "skipped"), name
            assert row["reason"], name


def test_every_failure_is_named_with_its_cause():
    page = compatibility_page.PAGE.read_text()
    assert all(f"`{row['architecture']}`" in page for row in ROWS.values() if row["status"] != "passed")


def test_every_architecture_of_both_bridges_that_can_be_used_is_in_the_matrix():
    registry = Registry.discover({"ZOO_PLUGINS": "zoo-timm,zoo-torchvision"})
    offered = {
        each.qualified_name
        for each in registry.kind("architecture")
        if not each.entry.unsupported and each.plugin.distribution != "zoo-core"
    }
    assert {f"zoo-{name}" for name in compatibility.known()} == offered
    kinds = (
        "timm/resnet18",
        "torchvision/fcn_resnet50",
        "torchvision/r3d_18",
        "torchvision/fcos_resnet50_fpn",
    )
    assert set(kinds) <= set(compatibility.known())


def test_one_of_every_family_comes_first_and_then_the_smallest():
    known = {
        "timm/big": {"family": "a", "parameters": 9},
        "timm/small": {"family": "a", "parameters": 1},
        "timm/other": {"family": "b", "parameters": 5},
        "torchvision/same": {"family": "a", "parameters": 7},
        "timm/middle": {"family": "b", "parameters": 6},
    }
    assert compatibility.ordered(known) == [
        "timm/small",
        "timm/other",
        "torchvision/same",
        "timm/middle",
        "timm/big",
    ]


def test_a_result_replaces_the_one_before_and_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(compatibility, "MATRIX", tmp_path / "compatibility.json")
    compatibility.record({"architecture": "timm/b", "status": "failed", "reason": "x"})
    compatibility.record({"architecture": "timm/a", "status": "passed"})
    compatibility.record({"architecture": "timm/b", "status": "passed"})
    rows = json.loads((tmp_path / "compatibility.json").read_text())
    assert rows == [
        {"architecture": "timm/a", "status": "passed"},
        {"architecture": "timm/b", "status": "passed"},
    ]


def test_an_architecture_that_no_file_can_hold_is_not_tried():
    found = compatibility.tried("timm/vit_giant_patch14_224", 1_000_000_000, seconds=1, gigabytes=1)
    assert found == {
        "architecture": "timm/vit_giant_patch14_224",
        "status": "skipped",
        "parameters": 1_000_000_000,
        "reason": "too large: the weights take 4.0 GB, and one ONNX file holds 1.8 GB",
    }


@pytest.mark.slow
class TestLimits:
    """A process of its own that sleeps, fills memory or ends is told apart."""

    @pytest.mark.parametrize(
        ("limits", "status", "reason"),
        [
            (
                {"seconds": 600, "gigabytes": 0.01},
                "skipped",
                "too large: it took more than 0.01 GB of memory",
            ),
            ({"seconds": 0.01, "gigabytes": 64}, "failed", "it took more than 0.01 s of a processor"),
        ],
    )
    def test_an_architecture_over_a_limit_says_which(self, limits, status, reason):
        found = compatibility.tried("timm/test_resnet", 1, **limits)
        assert (found["status"], found["reason"]) == (status, reason)
