"""From ``zoo new`` to a wheel in a fresh environment, as the page says it."""

import pytest

from benchmarks import tutorial


@pytest.mark.slow
def test_a_stranger_who_types_the_tutorial_has_a_plugin_installed_checked_trained_and_exported(tmp_path):
    found = tutorial.follow(tmp_path)
    assert found["num_commands"] <= 25
    assert sum(found["source_lines"].values()) <= 120
    typed = [row["command"] for row in found["commands"]]
    for command in (
        "zoo new",
        "pip wheel",
        "fresh/bin/zoo check",
        "fresh/bin/zoo train",
        "fresh/bin/zoo export",
    ):
        assert any(each.startswith(command) for each in typed), command
