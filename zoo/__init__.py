"""Zoo turns a pip-installed network into a trained, proven, self-contained ONNX file.

>>> import zoo
>>> run = zoo.train("mlp", data="digits", epochs=5)  # doctest: +SKIP
>>> model = zoo.export(run)  # doctest: +SKIP
>>> zoo.runtime.load(model.path).predict("three.png")  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo import runtime
    from zoo.api import evaluate, export, package, resume, train
    from zoo.registry import Registry

__version__ = "0.1.0"

# Imported on first use, so that `import zoo` is quick and free of torch.
_EXPORTS = {
    "Registry": "zoo.registry",
    "evaluate": "zoo.api",
    "export": "zoo.api",
    "package": "zoo.api",
    "resume": "zoo.api",
    "train": "zoo.api",
}

__all__ = ["Registry", "evaluate", "export", "package", "resume", "runtime", "train"]


def __getattr__(name: str) -> Any:
    if name == "runtime":
        return importlib.import_module("zoo.runtime")
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
