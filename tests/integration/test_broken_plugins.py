"""Plugins that fail, as the command line meets them: named, and in nobody's way."""

import json
import os

import pytest

BROKEN = {
    "zoo-raises": "raise RuntimeError('no luck')",
    "zoo-exits": "import sys; sys.exit(0)",
    "zoo-syntax": "def (:",
    "zoo-wrong": "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    return 42",
    "zoo-needy": "import nothing_of_this_name",
}
FACTORIES = """
from zoo.plugin import Architecture, Loss, Optimizer, hookimpl

NET = {"summary": "s", "accepts": ("vector",), "predicts": ("classes",)}

@hookimpl
def zoo_register():
    return [
        Architecture(name="gone", factory="nothing_of_this_name:Net", **NET),
        Architecture(name="failing", factory="zoo_factories:failing", **NET),
        Architecture(name="misshapen", factory="zoo_factories:misshapen", **NET),
        Architecture(name="unreadable", factory="zoo_factories:unreadable", **NET),
    ]

def failing(signature, *, width: int = 3):
    raise LookupError("no such width")

def misshapen(signature):
    import torch
    return torch.nn.Linear(99, 3)

def unreadable(signature, *, width: "Missing" = 3):
    pass
"""
COMMANDS = """
from zoo.plugin import hookimpl

@hookimpl
def zoo_commands():
    return {"greet": "zoo_greeting_command:greet", "lost": "nothing_of_this_name:lost", "list": "os:abort",
            "odd": "os:path"}
"""
GREET = """
import click

@click.command()
def greet():
    click.echo("hello")
"""


@pytest.fixture
def zoo(site, zoo_command, tmp_path):
    """Runs the command line with the plugins of the site."""

    def run(*words):
        done = zoo_command(*words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site.path)})
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def broken(site):
    for name, source in BROKEN.items():
        site.install(name, source)
    site.install("zoo-future", "raise AssertionError", requires=["zoo-core>=9"])
    site.install("zoo-lion")


def test_broken_plugins_are_listed_with_their_cause(broken, zoo):
    done = zoo("plugins", "--json")
    assert done.returncode == 0
    found = {row["plugin"]: row for row in json.loads(done.stdout)}
    causes = {
        "zoo-raises": "RuntimeError: no luck",
        "zoo-exits": "SystemExit: 0",
        "zoo-syntax": "SyntaxError",
        "zoo-wrong": "returned int, not a list of entries",
        "zoo-needy": "No module named 'nothing_of_this_name'",
        "zoo-future": "needs zoo-core >=9, have 0.",
    }
    for name, cause in causes.items():
        assert found[name]["status"] == "broken"
        assert cause in found[name]["cause"]
    assert found["zoo-lion"]["status"] == found["zoo-core"]["status"] == "ok"


def test_a_listing_goes_on_beside_broken_plugins_and_warns_of_each(broken, zoo):
    done = zoo("list")
    assert done.returncode == 0
    assert "roar" in done.stdout
    assert "adamw" in done.stdout
    for name in (*BROKEN, "zoo-future"):
        assert f"warning: plugin {name} 1.0 is broken: " in done.stderr


def test_the_list_for_scripts_has_the_agreed_keys_and_the_broken_plugins(broken, zoo):
    rows = json.loads(zoo("list", "--json").stdout)
    assert all(set(row) >= {"kind", "name", "plugin", "version", "summary", "status"} for row in rows)
    assert {row["name"] for row in rows if row["status"] == "broken"} == {*BROKEN, "zoo-future"}
    assert {"kind": "loss", "name": "roar", "plugin": "zoo-lion", "version": "1.0"}.items() <= next(
        row.items() for row in rows if row["name"] == "roar"
    )


@pytest.mark.parametrize(
    ("words", "code", "message", "fix"),
    [
        (
            ["gone"],
            5,
            "the architecture 'gone' of zoo-factories 1.0 cannot be imported",
            "reinstall or remove",
        ),
        (
            ["failing"],
            5,
            "the architecture 'failing' of zoo-factories 1.0 failed: LookupError",
            "zoo show failing",
        ),
        (["misshapen"], 5, "step 0 of misshapen, supervised, cross-entropy, adamw failed", "plugin's author"),
        (["unreadable"], 5, "the options of zoo_factories:unreadable cannot be read", ""),
        (["fialing"], 2, "there is no architecture 'fialing'", "did you mean 'failing'?"),
        (["zoo-factories/failing", "model.width=x"], 2, "model.width=x", "model.width is int"),
    ],
)
def test_a_factory_that_fails_names_its_plugin_and_leaves_nothing(
    site, zoo, tmp_path, words, code, message, fix
):
    site.install("zoo-factories", FACTORIES)
    done = zoo("train", *words, "--data", "iris", "--run", "run")
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(f"error: {message}")
    assert fix in done.stderr
    assert words == ["misshapen"] or not (tmp_path / "run").exists()


def test_a_name_of_two_plugins_is_refused_with_both_spellings(site, zoo):
    site.install("zoo-lion")
    site.install("tiger", version="2.0")
    done = zoo("train", "mlp", "--data", "iris", "loss=roar")
    assert done.returncode == 2
    assert "error: loss 'roar' is offered by 2 plugins: tiger 2.0, zoo-lion 1.0" in done.stderr
    assert "fix: write 'tiger/roar' or 'zoo-lion/roar'" in done.stderr


def test_a_plugin_adds_commands_but_replaces_none(site, zoo):
    site.install("zoo-greeting", COMMANDS)
    (site.path / "zoo_greeting_command.py").write_text(GREET)
    assert zoo("greet").stdout == "hello\n"
    assert "greet" in zoo("--help").stdout
    assert zoo("list").returncode == 0
    done = zoo("gret")
    assert (done.returncode, done.stderr) == (
        2,
        "error: there is no command 'gret'\nfix: did you mean 'greet'?\n",
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "lost",
            "command 'lost' cannot be imported: ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("odd", "command 'odd': os:path is not a click command"),
    ],
)
def test_a_command_that_cannot_be_imported_is_an_error_of_its_plugin(site, zoo, name, message):
    site.install("zoo-greeting", COMMANDS)
    done = zoo(name)
    assert done.returncode == 5
    assert done.stderr.startswith(f"error: {message}\nfix: reinstall or remove the plugin")


def test_commands_that_cannot_be_listed_disturb_no_other(site, zoo):
    site.install(
        "zoo-mute", "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_commands():\n    raise OSError('no')"
    )
    site.install("zoo-greeting", COMMANDS)
    done = zoo("--help")
    assert done.returncode == 0
    assert "greet" in done.stdout
    assert done.stderr == "warning: zoo_commands of zoo-mute:zoo-mute failed: OSError: no\n"
    assert zoo("list", "losses").stderr == ""
