"""Rules of the house that a reader could only hope for."""

import ast
import re
from pathlib import Path

import pytest

import zoo
from zoo import hookspecs

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("zoo/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
# What can run code that a file holds: no artifact is ever read with these.
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(params=SOURCES, ids=name_of)
def source(request):
    return request.param


def test_modules_and_functions_stay_readable(source):
    text = source.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name


def test_nothing_reads_pickles_or_runs_text(source):
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            assert not UNSAFE_MODULES.intersection(alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in UNSAFE_MODULES
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in UNSAFE_CALLS
            assert called not in {"torch.load", "torch.save"}
            for keyword in node.keywords:
                assert (keyword.arg, ast.unparse(keyword.value)) != ("allow_pickle", "True")


def test_every_module_says_what_it_is(source):
    assert ast.get_docstring(ast.parse(source.read_text()))


def test_a_plugin_imports_the_contract_and_nothing_else_of_zoo():
    for source in ROOT.glob("plugins/*/src/**/*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "zoo":
                imported = {f"{node.module}.{alias.name}" for alias in node.names}
                assert node.module == "zoo.plugin" or imported == {"zoo.plugin"}, name_of(source)
            if isinstance(node, ast.Import):
                assert "zoo" not in {alias.name.partition(".")[0] for alias in node.names}


def test_the_public_names_are_sorted_and_exist():
    assert sorted(zoo.__all__) == zoo.__all__
    for name in zoo.__all__:
        assert getattr(zoo, name)


def test_every_hook_says_what_it_is_for():
    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("zoo_")]
    assert len(hooks) == 6
    assert all(hook.__doc__ for hook in hooks)


def test_the_trainer_knows_no_kind_of_objective():
    words = {"adversarial", "discriminator", "gan", "critic", "teacher", "variational"}
    for path in [*(ROOT / "zoo/training").rglob("*.py")]:
        assert not words & set(re.findall("[a-z]+", path.read_text().lower())), path
