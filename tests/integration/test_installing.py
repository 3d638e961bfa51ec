"""``zoo install`` and ``zoo uninstall`` in a real environment, with real wheels and without an index."""

import json

import pytest

pytestmark = pytest.mark.slow

LION = """
from zoo.plugin import Loss, Optimizer, hookimpl

@hookimpl
def zoo_register():
    return [
        Loss(name="roar", factory="zoo_lion:roar", summary="A roar", fits=("classes",), expects="logits"),
        Optimizer(name="pounce", factory="torch.optim:SGD", summary="A pounce"),
    ]
"""
CRASH = "import ctypes\nctypes.string_at(0)\n"


@pytest.fixture
def environment(tmp_path, make_environment):
    return make_environment(tmp_path)


@pytest.fixture
def index(tmp_path, write_wheel):
    """A folder that pip can find plugins in."""
    folder = tmp_path / "index"
    folder.mkdir()
    write_wheel(folder, "zoo-lion", LION)
    write_wheel(folder, "zoo-lion", LION, version="1.2")
    write_wheel(folder, "zoo-crash", CRASH)
    write_wheel(folder, "leopard", "SPOTS = 1", points=False)
    return folder


def test_a_plugin_is_installed_by_name_version_or_wheel_upgraded_and_uninstalled_by_its_short_name(
    environment, index
):
    pip = ("--", "--find-links", index)
    done = environment.zoo("install", "zoo-lion==1.0", *pip)
    assert done.stdout == "installed zoo-lion 1.0: loss roar, optimizer pounce\n"
    assert environment.zoo("install", "zoo_lion", *pip).stdout == done.stdout
    done = environment.zoo("install", "--upgrade", "zoo-lion", *pip)
    assert done.stdout == "installed zoo-lion 1.2: loss roar, optimizer pounce\n"
    assert "roar" in environment.zoo("list", "losses").stdout
    done = environment.zoo("uninstall", "-y", "lion")
    assert done.stdout == "uninstalled zoo-lion 1.2\n"
    assert "roar" not in environment.zoo("list", "losses").stdout
    done = environment.zoo("install", index / "zoo_lion-1.0-py3-none-any.whl")
    assert done.stdout == "installed zoo-lion 1.0: loss roar, optimizer pounce\n"
    frozen = environment.zoo("plugins", "--requirements").stdout.splitlines()
    assert "zoo-lion==1.0" in frozen
    assert frozen[0].startswith("zoo-core==")


def test_what_is_no_plugin_or_a_broken_one_is_installed_with_a_warning(environment, index):
    done = environment.zoo("install", "leopard", "zoo-crash", "--", "--find-links", index)
    assert "warning: leopard 1.0 has no entry point in the group zoo: it is no plugin" in done.stderr
    assert (
        "warning: plugin zoo-crash 1.0 is broken: its import crashes the interpreter (SIGSEGV)" in done.stderr
    )
    assert done.stdout == "installed zoo-crash 1.0: no entries\n"
    rows = json.loads(environment.zoo("plugins", "--json").stdout)
    [crash] = [row for row in rows if row["plugin"] == "zoo-crash"]
    assert crash["status"] == "broken"
    assert set(crash) == {"plugin", "version", "entries", "load_ms", "status", "cause"}
    assert "zoo-crash" not in environment.zoo("plugins", "--requirements").stdout

    done = environment.zoo("uninstall", "--yes", "leopard", code=2)
    assert "error: leopard is installed and is no plugin of Zoo" in done.stderr
    assert environment.zoo("uninstall", "--yes", "crash").stdout == "uninstalled zoo-crash 1.0\n"
    done = environment.zoo("uninstall", "--yes", "crash", code=5)
    assert "error: there is no plugin 'crash' in this environment" in done.stderr


def test_an_uninstallation_asks_first_and_needs_somebody_to_ask(environment, index):
    environment.zoo("install", "zoo-lion", "--", "--find-links", index)
    done = environment.zoo("uninstall", "zoo-lion", code=2)
    assert "error: nobody is there to be asked whether zoo-lion 1.2 should go\nfix: add --yes" in done.stderr
    assert "roar" in environment.zoo("list", "losses").stdout


def test_the_core_and_what_another_tool_installed_are_left_alone(environment):
    done = environment.zoo("uninstall", "--yes", "zoo_core", code=2)
    assert "error: zoo-core is Zoo itself and no plugin" in done.stderr
    # Installed in the environment below this one.
    done = environment.zoo("uninstall", "--yes", "feedforward", code=6)
    assert "error: pip left zoo-feedforward" in done.stderr
    assert "outside environment" in done.stderr


def test_what_pip_cannot_install_is_an_error_of_the_environment_in_pips_words(environment):
    done = environment.zoo("install", "zoo-unicorn", code=6)
    assert "error: pip could not install: No matching distribution found for zoo-unicorn" in done.stderr
    assert done.stdout == ""


def test_without_pip_the_way_to_get_it_is_said(environment):
    blocker = "import sys; sys.modules['pip'] = None; sys.argv[1:] = ['install', 'zoo-lion']\n"
    done = environment.python("-c", blocker + "from zoo.cli import main; main()")
    assert done.returncode == 6
    assert "error: there is no pip in the environment of" in done.stderr
    assert "-m ensurepip; or with uv: uv pip install --python" in done.stderr
