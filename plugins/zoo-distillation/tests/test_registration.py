import importlib
import inspect
import subprocess
import sys

import zoo_distillation


def load(path):
    module, attribute = path.split(":")
    return getattr(importlib.import_module(module), attribute)


def test_registration_imports_neither_torch_nor_the_objective():
    code = (
        "import sys, zoo_distillation; zoo_distillation.zoo_register(); "
        "print([name for name in sys.modules if name in ('torch', 'numpy') or name.startswith('zoo_distillation.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_objective_brings_a_teacher_that_takes_one_of_its_options():
    (entry,) = zoo_distillation.zoo_register()
    options = inspect.signature(load(entry.factory)).parameters
    (factory,) = map(load, entry.players.values())
    (needed,) = [p.name for p in inspect.signature(factory).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert needed == "teacher"
    assert options[needed].default is inspect.Parameter.empty
    assert set(entry.players) == {"teacher"}
