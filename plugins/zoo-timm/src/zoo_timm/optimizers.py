"""The optimizers of timm as entries, under timm's own names; read from optimizers.json, which is generated."""

import json
from collections.abc import Sequence
from pathlib import Path

from zoo.plugin import Optimizer

FACTS = Path(__file__).with_name("optimizers.json")


def optimizer_entries() -> Sequence[Optimizer]:
    """All that ``timm.optim.list_optimizers`` names."""
    return [
        Optimizer(
            name=fact["name"],
            factory=f"zoo_timm.updates:{fact['name']}",
            summary=fact["summary"],
            reference=fact["reference"],
            unsupported=fact["unsupported"],
        )
        for fact in json.loads(FACTS.read_text(encoding="utf-8"))["optimizers"]
    ]
