"""Everything a plugin author imports. Importing it never imports torch.

Registration goes into the package's ``__init__``::

    from zoo.plugin import Architecture, hookimpl

    @hookimpl
    def zoo_register():
        return [Architecture(name="mynet", factory="zoo_mynet.network:MyNet",
                             summary="...", accepts=("image",), predicts=("classes",))]

and ``[project.entry-points.zoo]`` of ``pyproject.toml`` names the package. The keyword-only parameters
of a factory are its options; their annotations, bounds (``Annotated[float, Ge(0), Lt(1)]``), defaults
and the ``Args`` section of the docstring are what ``zoo show`` prints and what is checked.
"""

import importlib
from typing import TYPE_CHECKING, Any

from zoo.contracts.entries import (
    Architecture,
    Dataset,
    Entry,
    Initializer,
    Loss,
    Metric,
    Objective,
    Optimizer,
    Schedule,
)
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from annotated_types import Ge, Gt, Le, Lt

    from zoo.contracts.signature import (
        Batch,
        Binary,
        Classes,
        Examples,
        Labels,
        Signature,
        Splits,
        TensorSpec,
        Turn,
        Turns,
        Values,
    )
    from zoo.errors import DataError

# Registration needs none of these, and a listing waits for every registration.
_BY_FACTORIES = {
    **dict.fromkeys(("Ge", "Gt", "Le", "Lt"), "annotated_types"),
    **dict.fromkeys(
        (
            "Batch",
            "Binary",
            "Classes",
            "Examples",
            "Labels",
            "Signature",
            "Splits",
            "TensorSpec",
            "Turn",
            "Turns",
            "Values",
        ),
        "zoo.contracts.signature",
    ),
    "DataError": "zoo.errors",
}

__all__ = [
    "Architecture",
    "Batch",
    "Binary",
    "Classes",
    "DataError",
    "Dataset",
    "Entry",
    "Examples",
    "Ge",
    "Gt",
    "Initializer",
    "Labels",
    "Le",
    "Loss",
    "Lt",
    "Metric",
    "Objective",
    "Optimizer",
    "Schedule",
    "Signature",
    "Splits",
    "TensorSpec",
    "Turn",
    "Turns",
    "Values",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _BY_FACTORIES:
        raise AttributeError(f"module 'zoo.plugin' has no attribute {name!r}")
    return getattr(importlib.import_module(_BY_FACTORIES[name]), name)
