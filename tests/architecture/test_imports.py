"""Start-up stays light: what each door imports, seen from a process of its own."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "numpy",
    "onnx",
    "onnxruntime",
    "pydantic",
    "polars",
    "rich",
    "PIL",
    "sklearn",
    "zoo_feedforward.mlp",
)
TRAINING = ("torch", "onnx", "spox", "pydantic", "safetensors", "torchmetrics", "click", "pluggy")


def loaded_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--json"], ["plugins"], ["--help"], ["train", "--help"], ["predict", "--help"]],
)
def test_a_listing_or_help_imports_neither_torch_nor_numpy(words):
    loaded = loaded_after(f"from zoo.cli.program import program\nassert program({words!r}) == 0")
    assert not loaded.intersection(HEAVY)


@pytest.mark.parametrize("module", ["zoo", "zoo.plugin", "zoo.errors", "zoo.registry"])
def test_the_doors_that_authors_use_import_neither_torch_nor_numpy(module):
    assert not loaded_after(f"import {module}").intersection(HEAVY)


def test_discovery_imports_registrations_and_no_factory():
    loaded = loaded_after(
        "from zoo.registry import Registry\nassert Registry.discover().names('architecture')"
    )
    assert {"zoo_feedforward", "zoo_convolutional"} <= loaded
    assert not loaded.intersection(HEAVY)


def test_the_runtime_imports_nothing_of_training():
    assert not loaded_after("import zoo.runtime").intersection(TRAINING)


def test_an_epoch_of_steps_imports_no_compiler_and_no_algebra(tmp_path):
    loaded = loaded_after(
        "from zoo.training.trainer import Trainer\n"
        "class Enough(BaseException): pass\n"
        "def validate(self): raise Enough\n"
        "Trainer._validate = validate\n"
        "from zoo.cli.program import program\n"
        f"words = ['train', 'mlp', '--data', 'iris', 'epochs=1', 'device=cpu', '--run', {str(tmp_path / 'run')!r}]\n"
        "try: program(words)\n"
        "except Enough: pass\n"
        "else: raise AssertionError('it never came to validate')"
    )
    assert {"torch", "spox"} <= loaded
    assert not loaded.intersection({"sympy", "torch._dynamo", "torchmetrics", "torchvision"})
