"""Answers of a model by ONNX Runtime and NumPy alone: ``python bare.py MODEL.onnx INPUTS.npz ANSWERS.npz``.

It runs in environments where nothing else is installed.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

BATCH_SIZE = 200


def answer(model: Path | str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Every output for raw inputs, the examples along the first axis."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    num_examples = len(next(iter(inputs.values())))
    parts = [
        session.run(names, {name: column[start : start + BATCH_SIZE] for name, column in inputs.items()})
        for start in range(0, num_examples, BATCH_SIZE)
    ]
    return {
        name: np.concatenate(pieces) for name, pieces in zip(names, zip(*parts, strict=True), strict=True)
    }


def pack(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays without Python objects, for ``numpy.savez``."""
    return {
        name: column.astype(str) if column.dtype == object else column for name, column in columns.items()
    }


def unpack(archive: Any) -> dict[str, Any]:
    """What ``pack`` was given."""
    return {
        name: archive[name].astype(object) if archive[name].dtype.kind == "U" else archive[name]
        for name in archive.files
    }


if __name__ == "__main__":
    model, given, answers = sys.argv[1:]
    np.savez(answers, **pack(answer(model, unpack(np.load(given)))))
    print(onnxruntime.__version__)
