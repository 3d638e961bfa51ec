"""The optimizers of timm as entries, under timm's own names; read from optimizers.json, which is generated."""

import json
from collections.abc import Sequence
from pathlib import Path

from zoo.plugin import Optimizer

FACTS = Path(__file__).with_name("optimizers.json")


_ADDS = {"takes-parameter-groups": "it adds eps to its learning rate, which therefore is never 0"}
_NO_RATE = {"options-are-typed": "timm gives its learning rate no default: say optimizer.lr"}
_EXEMPT = {"csgdp": _NO_RATE, "madgrad": _ADDS, "madgradw": _ADDS, "sgdp": _NO_RATE}


def optimizer_entries() -> Sequence[Optimizer]:
    """All that ``timm.optim.list_optimizers`` names."""
    return [
        Optimizer(
            name=fact["name"],
            factory=f"zoo_timm.updates:{fact['name']}",
            summary=fact["summary"],
            reference=fact["reference"],
            unsupported=fact["unsupported"],
            exempt=_EXEMPT.get(fact["name"], {}),
        )
        for fact in json.loads(FACTS.read_text(encoding="utf-8"))["optimizers"]
    ]
