"""Every file in ONNX Runtime 1.17.3, in an environment of its own, against the newest."""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from acceptance import bare, environments
from acceptance.jobs import JOBS

OLDEST = "1.17.3"


@pytest.fixture(scope="module")
def oldest(tmp_path_factory):
    if sys.version_info >= (3, 13):
        pytest.fail(f"ONNX Runtime {OLDEST} needs Python 3.12 or older; this is {sys.version.split()[0]}")
    return environments.create(tmp_path_factory.mktemp("oldest") / "env", f"onnxruntime=={OLDEST}", "numpy<2")


@pytest.mark.parametrize("name", JOBS)
def test_the_oldest_runtime_answers_as_the_newest(done, compared, oldest, record, tmp_path, name):
    model = shutil.copy(done(name).model, tmp_path / "copied.onnx")
    np.savez(tmp_path / "inputs.npz", **bare.pack(compared(name).test.inputs))
    script = Path(bare.__file__).resolve()
    said = environments.run(
        oldest, script, model, tmp_path / "inputs.npz", tmp_path / "answers.npz", cwd=tmp_path
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == OLDEST
    given = bare.unpack(np.load(tmp_path / "answers.npz"))
    expected = bare.answer(model, compared(name).test.inputs)
    differences = [_difference(expected[output], given[output]) for output in expected]
    record(
        f"{name}, ONNX Runtime {OLDEST} against {onnxruntime.__version__}",
        f"largest difference {max(differences):.1e}",
        demanded="same answers, <= 1e-5",
    )
    assert sorted(given) == sorted(expected)
    assert max(differences) <= 1e-5


def _difference(expected, given):
    """Of numbers relative to the largest above 1; of strings and choices the share that differs."""
    if expected.dtype.kind != "f":
        return float(np.mean(expected != given))
    return float(np.abs(expected - given).max() / max(1.0, np.abs(expected).max()))
