"""Ten distributions that are broken in ten ways, installed together: everything else goes on as without them."""

import json

import pytest

pytestmark = pytest.mark.slow

REGISTER = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_register():
    return [Loss(name="{name}", factory="a:b", summary="s", fits=("classes",), expects="logits")]{times}
"""
# Name: (source, requirements, cause).
BROKEN = {
    "zoo-bad-import": ("from zoo.plugin import Nothing", (), "cannot import name 'Nothing'"),
    "zoo-bad-syntax": ("def (:", (), "SyntaxError"),
    "zoo-exits": ("import sys\nsys.exit(0)", (), "SystemExit: 0"),
    "zoo-endless": ("import time\nwhile True:\n    time.sleep(1)", (), "has not ended after 4 s"),
    "zoo-loud": ("print('loud')\n" + REGISTER.format(name="loud", times=""), (), ""),
    "zoo-segfault": ("import ctypes\nctypes.string_at(0)", (), "crashes the interpreter (SIGSEGV)"),
    "zoo-wrong-type": (
        "from zoo.plugin import hookimpl\n@hookimpl\ndef zoo_register():\n    return 42",
        (),
        "returned int, not a list of entries",
    ),
    "zoo-future": ("raise AssertionError", ("zoo-core>=99; python_version>'3'",), "needs zoo-core >=99"),
    "zoo-twice": (REGISTER.format(name="twin", times=" * 2"), (), "offers the loss 'twin' twice"),
    "zoo-needy": ("import nothing_of_this_name", (), "No module named 'nothing_of_this_name'"),
}
TRAIN = ["train", "perceptron", "--data", "iris", "epochs=2", "--json", "--run"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, make_environment):
    return make_environment(tmp_path_factory.mktemp("ten"))


def everything(environment, name):
    """What each command prints and whether it succeeds."""
    said = {
        words: environment.zoo(*words.split())
        for words in ("--help", "list", "list --json", "plugins --json", "show perceptron")
    }
    return said | {"train": environment.zoo(*TRAIN, name)}


@pytest.fixture(scope="module")
def before(environment):
    return everything(environment, "before")


@pytest.fixture(scope="module")
def installation(environment, write_wheel, before):
    folder = environment.path / "wheels"
    folder.mkdir()
    wheels = [write_wheel(folder, name, source, requires=()) for name, (source, _, _) in BROKEN.items()]
    # pip itself would refuse to install what needs another Zoo; a later change of Zoo leaves it so.
    name = "zoo-future"
    source, requires, _ = BROKEN[name]
    wheels[list(BROKEN).index(name)] = write_wheel(folder, name, source, requires=requires)
    return environment.zoo("install", *wheels, "--", "--no-deps")


@pytest.fixture(scope="module")
def beside(environment, installation):
    return everything(environment, "beside")


def test_they_are_installed_with_a_warning_for_each(installation):
    for name, (_, _, cause) in BROKEN.items():
        [warning] = [
            line for line in installation.stderr.splitlines() if f"plugin {name} 1.0 is" in line
        ] or [""]
        assert bool(warning) == bool(cause)
        assert cause in warning
    assert "installed zoo-loud 1.0: loss loud\n" in installation.stdout


def test_each_is_named_with_its_cause(beside):
    rows = {row["plugin"]: row for row in json.loads(beside["plugins --json"].stdout)}
    for name, (_, _, cause) in BROKEN.items():
        assert rows[name]["status"] == ("broken" if cause else "ok")
        assert cause in rows[name]["cause"]
        assert f"warning: plugin {name} 1.0 is broken" in beside["list"].stderr or not cause


def test_help_and_show_print_the_same(before, beside):
    for words in ("--help", "show perceptron"):
        assert beside[words].stdout == before[words].stdout


def test_the_list_is_the_same_but_for_their_own_rows(before, beside):
    def others(text):
        lines = [line for line in text.splitlines() if "zoo-loud" not in line]
        # The header counts the losses.
        return [line for line in lines if not line.startswith("losses (")]

    assert others(beside["list"].stdout) == others(before["list"].stdout)
    rows = [json.loads(said["list --json"].stdout) for said in (before, beside)]
    assert [row for row in rows[1] if row["plugin"] not in BROKEN] == rows[0]
    assert {row["plugin"] for row in rows[1]} >= {*BROKEN}


def test_a_healthy_network_trains_to_the_same_figures(before, beside):
    first, second = (json.loads(said["train"].stdout) for said in (before, beside))
    assert first["metrics"] == second["metrics"]
    assert set(first["metrics"]) == {"test", "validation"}


def test_without_plugins_nothing_of_them_is_met(environment, beside):
    done = environment.zoo("--no-plugins", "list")
    assert done.stderr == ""
    assert "perceptron" not in done.stdout
    assert "cross-entropy" in done.stdout


def test_all_are_uninstalled_and_leave_everything_as_it_was(environment, before, beside):
    done = environment.zoo("uninstall", "--yes", *(name.removeprefix("zoo-") for name in BROKEN))
    assert done.stdout == "".join(f"uninstalled {name} 1.0\n" for name in BROKEN)
    assert "loud" not in done.stderr.splitlines()
    for words in ("--help", "list", "list --json"):
        after = environment.zoo(*words.split())
        assert (after.stdout, after.stderr) == (before[words].stdout, before[words].stderr)
