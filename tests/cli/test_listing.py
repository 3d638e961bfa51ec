"""``zoo list``: what is shown, filtered, sorted and columned."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks import many_entries
from zoo.cli.facts import parse_condition
from zoo.cli.program import program
from zoo.errors import UsageError

FEW = """
from zoo.plugin import Architecture, Optimizer, hookimpl

NET = {"factory": "zoo_few:Net", "summary": "A network", "predicts": ("classes",)}

@hookimpl
def zoo_register():
    return [
        Architecture(name="few-small", accepts=("image",), num_parameters=900, image_size=32,
                     conformance="passed", **NET),
        Architecture(name="few-large", accepts=("image",), num_parameters=25_600_000, image_size=224,
                     conformance="failed: exports: no such operator", **NET),
        Architecture(name="few-middle", accepts=("vector",), num_parameters=61_000, **NET),
        Architecture(name="few-unknown", accepts=("tokens",), **NET),
        Architecture(name="few-quantised", accepts=("image",), unsupported="it cannot be trained", **NET),
        Optimizer(name="few-steps", factory="zoo_few:Steps", summary="An optimizer"),
    ]
"""


@pytest.fixture
def few(site, monkeypatch):
    site.install("zoo-few", FEW)
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-few")


@pytest.fixture
def listed(few, capsys):
    """The names that a listing has, in its order."""

    def run(*words):
        assert program(["list", "--json", *words]) == 0
        rows = json.loads(capsys.readouterr().out)
        return [row["name"].removeprefix("few-") for row in rows if row["plugin"] == "zoo-few"]

    return run


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--where", "params<10e6"], ["middle", "small"]),
        (["--where", "params < 61k"], ["small"]),
        (["--where", "params<=61_000"], ["middle", "small"]),
        (["--where", "params>1M"], ["large"]),
        (["--where", "params>=900", "--where", "params!=61000"], ["large", "small"]),
        (["--where", "params==900"], ["small"]),
        (["--where", "size=224"], ["large"]),
        (["--where", "size!=224"], ["small"]),
        (["--where", "status=passed"], ["small"]),
        (["--where", "conformance=failed"], ["large"]),
        (["--where", "conformance=unknown"], ["middle", "unknown"]),
        (["--where", "conformance=unsupported"], ["quantised"]),
        (["--where", "conformance!=failed"], ["middle", "quantised", "small", "unknown"]),
        (["--where", "accepts=tokens"], ["unknown"]),
        # Vectors are made of pictures and tables too, as --accepts has it.
        (["--where", "accepts=table"], ["middle"]),
        (["--where", "accepts!=image"], ["unknown"]),
        (["--where", "predicts=val*"], []),
        (["--where", "name=few-*l*", "--where", "plugin=zoo-few"], ["large", "middle", "small"]),
        (["--where", "kind=optimizer"], ["steps"]),
        (["optimizers", "--where", "plugin!=zoo-core"], ["steps"]),
        (["architectures", "--accepts", "tokens"], ["unknown"]),
    ],
)
def test_only_entries_that_have_the_facts_are_listed(listed, words, names):
    assert listed(*words) == names


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("name", ["large", "middle", "quantised", "small", "unknown"]),
        ("-name", ["unknown", "small", "quantised", "middle", "large"]),
        ("params", ["small", "middle", "large", "quantised", "unknown"]),
        ("-params", ["large", "middle", "small", "quantised", "unknown"]),
        ("size", ["small", "large", "middle", "quantised", "unknown"]),
    ],
)
def test_entries_are_sorted_and_those_without_the_fact_come_last(listed, field, names):
    assert listed("architectures", "--sort", field) == names


@pytest.mark.parametrize(
    ("words", "error", "fix"),
    [
        (["--where", "parms<3"], "--where 'parms<3': there is no field 'parms'", "did you mean 'params'?"),
        (["--where", "params"], "--where 'params' is not FIELD, one of", "for example --where 'params<10e6'"),
        (["--where", "params<ten"], "--where 'params<ten': 'ten' is not a number", "10M"),
        (["--where", "params<"], "'' is not a number", "10M"),
        (["--where", "params<-3"], "'-3' is not a number", "10M"),
        (["--where", "name<few"], "--where 'name<few': name is text", "compare it with = or !="),
        (["--where", "__class__=x"], "there is no field '__class__'", "known: accepts"),
        (["--sort", "-parms"], "--sort: there is no field 'parms'", "did you mean 'params'?"),
        (["--columns", "name,parms"], "--columns: there is no field 'parms'", "did you mean 'params'?"),
    ],
)
def test_a_field_or_condition_that_does_not_exist_is_refused(few, capsys, words, error, fix):
    assert program(["list", *words]) == 2
    said = capsys.readouterr()
    assert error in said.err
    assert fix in said.err
    assert said.out == ""


@pytest.mark.parametrize("number", ["1e400", "1" * 5000, "1e-400"])
def test_a_number_without_measure_is_a_number(few, capsys, number):
    assert program(["list", "--where", f"params<{number}"]) == 0


def test_the_facts_that_are_filtered_and_sorted_by_are_shown(few, capsys):
    assert program(["list", "--where", "params<100M", "--sort", "size"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "architectures (3)"
    assert lines[1].split() == ["name", "plugin", "version", "params", "size", "summary"]
    assert lines[2].split()[:5] == ["few-small", "zoo-few", "1.0", "900", "32"]
    assert lines[3].split()[3:5] == ["25.6M", "224"]


def test_columns_are_those_that_were_asked_for(few, capsys):
    assert program(["list", "architectures", "--match", "few-*", "--columns", "params, name"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["params", "name"],
        ["25.6M", "few-large"],
        ["61k", "few-middle"],
    ]
    assert program(["list", "architectures", "--match", "few-*", "--columns", "name"]) == 0
    assert capsys.readouterr().out.splitlines()[1:3] == ["  few-large", "  few-middle"]


def test_names_stand_side_by_side_on_a_terminal(zoo_beside_many):
    done = zoo_beside_many("list", "--where", "plugin=zoo-many", "--columns", "name", columns="60")
    lines = done.stdout.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 60
    # Three columns, read downwards.
    names = sorted(f"network-{number}" for number in range(1500))
    assert [line.split() for line in lines[1:-1]] == [names[row::500] for row in range(500)]


def test_what_cannot_be_used_is_marked_with_its_reason_and_shown_with_it(few, capsys):
    assert program(["list", "architectures"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "few-quantised" in line]
    assert line.endswith("unsupported: it cannot be trained")
    assert program(["show", "few-quantised"]) == 0
    assert "cannot be used: it cannot be trained" in capsys.readouterr().out


def test_the_list_for_scripts_has_every_fact(few, capsys):
    assert program(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["few-large"] == {
        "kind": "architecture",
        "name": "few-large",
        "plugin": "zoo-few",
        "version": "1.0",
        "summary": "A network",
        "reference": "",
        "params": 25_600_000,
        "size": 224,
        "accepts": ["image"],
        "predicts": ["classes"],
        "conformance": "failed",
        "reason": "exports: no such operator",
        "status": "ok",
    }
    assert (rows["few-quantised"]["conformance"], rows["few-quantised"]["reason"]) == (
        "unsupported",
        "it cannot be trained",
    )
    assert (rows["few-steps"]["conformance"], rows["few-steps"]["params"]) == (None, None)


def test_show_has_the_facts_of_an_architecture(site, few, capsys):
    (site.path / "zoo_few.py").write_text(FEW + "\ndef Net(signature, *, width: int = 3):\n    pass\n")
    assert program(["show", "few-large"]) == 0
    shown = capsys.readouterr().out
    assert "25,600,000 parameters with the default options" in shown
    assert "brought to 224 x 224 pixels" in shown
    assert "conformance: failed: exports: no such operator" in shown


# At scale


@pytest.fixture(scope="module")
def zoo_beside_many(tmp_path_factory):
    """Runs ``zoo`` beside a plugin of 1,500 entries, and says which heavy libraries were imported."""
    folder = tmp_path_factory.mktemp("many")
    many_entries.install(folder / "site")
    environ = {**os.environ, "PYTHONPATH": str(folder / "site")}
    script = (
        "import sys\nfrom zoo.cli.program import program\ncode = program(sys.argv[1:])\n"
        "heavy = {'torch', 'timm', 'torchvision', 'numpy', 'onnx', 'onnxruntime', 'pydantic', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\nsys.exit(code)\n"
    )

    def run(*words, columns=None):
        command = [sys.executable, "-c", script, *words]
        if columns is None:
            return subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=120, check=True
            )
        # A script's terminal: what is printed there comes out of the other end.
        terminal = (
            "import os, pty, sys\nos.environ['COLUMNS'] = sys.argv[1]\nsys.exit(pty.spawn(sys.argv[2:]))"
        )
        command = [sys.executable, "-c", terminal, columns, *command]
        return subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    return run


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "architectures"],
        ["list", "--json"],
        ["list", "--where", "params<10e6", "--sort", "-params"],
        ["plugins"],
        ["--help"],
    ],
)
def test_no_library_of_a_plugin_is_imported_to_list_1500_entries(zoo_beside_many, words):
    done = zoo_beside_many(*words)
    assert done.stderr.splitlines() == ["[]"]
    assert done.stdout


def test_a_plugin_of_many_entries_has_one_line_until_something_is_asked_for(zoo_beside_many):
    brief = zoo_beside_many("list").stdout
    assert "network-7" not in brief
    [line] = [line for line in brief.splitlines() if "zoo-many" in line]
    assert line.split("  ")[1] == "… 1500 of"
    assert line.endswith("zoo list architectures --where plugin=zoo-many")
    assert "  perceptron" in brief
    assert zoo_beside_many("list", "architectures").stdout.count(" zoo-many ") == 1500
    [row] = zoo_beside_many("list", "--match", "*-77").stdout.splitlines()[1:]
    assert row.split()[0] == "network-77"
    assert len(json.loads(zoo_beside_many("list", "--json", "--where", "plugin=zoo-many").stdout)) == 1500


def test_a_condition_is_read_with_or_without_spaces():
    assert parse_condition("params<10M") == parse_condition("  params  <  1e7 ")
    with pytest.raises(UsageError, match="is not FIELD"):
        parse_condition("params<3 or name=x\n<")
