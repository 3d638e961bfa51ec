"""Every image network and optimizer of timm; registration reads shipped facts and imports neither torch nor timm."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture, Entry, hookimpl
from zoo_timm.optimizers import optimizer_entries

FACTS = Path(__file__).with_name("facts.json")
_TARGETS = ("classes", "binary", "labels", "values", "several")


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures and the optimizers of timm."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    networks = [_entry(name, fact) for name, fact in facts["architectures"].items()]
    return [*networks, *optimizer_entries()]


def _entry(name: str, fact: Mapping[str, Any]) -> Architecture:
    return Architecture(
        name=name,
        factory=f"zoo_timm.networks:{name}",
        summary=fact["summary"],
        reference=fact["reference"],
        accepts=("image",),
        predicts=_TARGETS,
        image_size=fact["image_size"],
        min_image_size=fact["min_image_size"],
        image_mean=tuple(fact["mean"]),
        image_std=tuple(fact["std"]),
        num_parameters=fact["parameters"],
        conformance=fact.get("conformance", ""),
        unsupported=fact.get("unsupported", ""),
    )
