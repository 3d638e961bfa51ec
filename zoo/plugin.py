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
    Model,
    Objective,
    Optimizer,
    Schedule,
)
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from annotated_types import Ge, Gt, Le, Lt

    from zoo.bridging import Restandardise, Scored, misfit, num_scores, picture_shape, require_fit
    from zoo.contracts.examples import Batch, Examples, Objects, Splits, Timeline, Turn, Turns
    from zoo.contracts.restoring import is_restoring
    from zoo.contracts.signature import Signature
    from zoo.contracts.targets import (
        Binary,
        Boxes,
        Classes,
        Forecast,
        Labels,
        Mask,
        Sample,
        Several,
        Target,
        Tokens,
        Values,
    )
    from zoo.contracts.tensors import TensorSpec
    from zoo.errors import DataError, UsageError
    from zoo.training.trained import load_network

# Registration needs none of these, and a listing waits for every registration.
_BY_FACTORIES = {
    name: module
    for module, names in (
        ("annotated_types", ("Ge", "Gt", "Le", "Lt")),
        (
            "zoo.bridging",
            ("Restandardise", "Scored", "misfit", "num_scores", "picture_shape", "require_fit"),
        ),
        (
            "zoo.contracts.examples",
            ("Batch", "Examples", "Objects", "Splits", "Timeline", "Turn", "Turns"),
        ),
        ("zoo.contracts.restoring", ("is_restoring",)),
        ("zoo.contracts.signature", ("Signature",)),
        (
            "zoo.contracts.targets",
            (
                "Binary",
                "Boxes",
                "Classes",
                "Forecast",
                "Labels",
                "Mask",
                "Sample",
                "Several",
                "Target",
                "Tokens",
                "Values",
            ),
        ),
        ("zoo.contracts.tensors", ("TensorSpec",)),
        ("zoo.errors", ("DataError", "UsageError")),
        ("zoo.training.trained", ("load_network",)),
    )
    for name in names
}

__all__ = [
    "Architecture",
    "Batch",
    "Binary",
    "Boxes",
    "Classes",
    "DataError",
    "Dataset",
    "Entry",
    "Examples",
    "Forecast",
    "Ge",
    "Gt",
    "Initializer",
    "Labels",
    "Le",
    "Loss",
    "Lt",
    "Mask",
    "Metric",
    "Model",
    "Objective",
    "Objects",
    "Optimizer",
    "Restandardise",
    "Sample",
    "Schedule",
    "Scored",
    "Several",
    "Signature",
    "Splits",
    "Target",
    "TensorSpec",
    "Timeline",
    "Tokens",
    "Turn",
    "Turns",
    "UsageError",
    "Values",
    "hookimpl",
    "is_restoring",
    "load_network",
    "misfit",
    "num_scores",
    "picture_shape",
    "require_fit",
]


def __getattr__(name: str) -> Any:
    if name not in _BY_FACTORIES:
        raise AttributeError(f"module 'zoo.plugin' has no attribute {name!r}")
    return getattr(importlib.import_module(_BY_FACTORIES[name]), name)
