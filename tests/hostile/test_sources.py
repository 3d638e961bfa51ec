"""What core's source must not contain: a way from a file's bytes to the execution of them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "zoo").rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "runpy", "code"}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
ATTRIBUTES = {
    "torch.load",
    "torch.hub.load",
    "torch.jit.load",
    "np.load",
    "numpy.load",
    "pd.read_pickle",
    "yaml.load",
    "os.system",
    "os.popen",
    "onnx.load_external_data_for_model",
}
IMPORTERS = {
    # From where the name of the module comes.
    "zoo/__init__.py": "a table in the module",
    "zoo/plugin.py": "a table in the module",
    "zoo/cli/program.py": "a table in the module, and what an installed plugin's hook returns",
    "zoo/registry.py": "the factory of an installed plugin's entry",
    "zoo/testing/running.py": "a table in the module",
}
PROCESSES = {
    "zoo/cli/installing.py": "pip, by the interpreter itself, with words of the command line",
    "zoo/exporting/network.py": "the interpreter itself, with a module of Zoo",
    "zoo/probes.py": "the interpreter itself, with a module of Zoo",
    "zoo/testing/exporting.py": "the interpreter itself, with a module of Zoo",
    "zoo/testing/registration.py": "the interpreter itself, with a program in the module",
    "zoo/testing/supervision.py": "the interpreter itself, with a module of Zoo",
}


def _name(node):
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _faults(source, place):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node, place)
        elif isinstance(node, ast.Call):
            yield from _called(node, place)


def _imported(node, place):
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for name in (name.split(".")[0] for name in names):
        if name in MODULES:
            yield f"imports {name}"
        if name == "subprocess" and place not in PROCESSES:
            yield "starts processes"


def _called(node, place):
    called = _name(node.func)
    if called in CALLS | ATTRIBUTES:
        yield f"calls {called}"
    if called.split(".")[-1] == "import_module" and place not in IMPORTERS:
        yield "imports by a name that it was given"
    for key in node.keywords:
        if key.arg == "shell" or (key.arg == "allow_pickle" and getattr(key.value, "value", True)):
            yield f"passes {key.arg}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_has_no_way_to_run_what_a_file_says(path):
    assert list(_faults(path.read_text(), path.relative_to(ROOT).as_posix())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "archive.read(allow_pickle=True)",
        "eval(text)",
        "exec(text)",
        "__import__(name)",
        "import importlib\nimportlib.import_module(name)",
        "import yaml",
        "import subprocess",
        "run(words, shell=True)",
    ],
)
def test_the_gate_finds_what_it_is_there_for(source):
    assert list(_faults(source, "zoo/anything.py"))


def test_every_exception_of_the_gate_is_used():
    for place in IMPORTERS:
        assert "import_module" in (ROOT / place).read_text()
    for place in PROCESSES:
        assert "subprocess" in (ROOT / place).read_text()
