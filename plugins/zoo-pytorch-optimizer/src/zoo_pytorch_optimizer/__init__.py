"""The optimizers of the library pytorch-optimizer, each an entry under the library's own name for it."""

import json
from collections.abc import Sequence
from pathlib import Path

from zoo.plugin import Entry, Optimizer, hookimpl
from zoo_pytorch_optimizer.exemptions import EXEMPT

_FACTS = Path(__file__).with_name("facts.json")


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """Every optimizer that the library has besides those of PyTorch; ``facts.json`` says which."""
    return [
        Optimizer(
            name=fact["name"],
            factory=f"zoo_pytorch_optimizer.optimizers:{fact['name']}",
            summary=fact["summary"],
            reference=fact["reference"],
            needs_closure=fact["needs_closure"],
            unsupported=fact["unsupported"],
            exempt=EXEMPT.get(fact["name"], {}),
        )
        for fact in json.loads(_FACTS.read_text())["optimizers"]
    ]
