"""Entries of torchvision's classifiers, from facts that a command measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture

FACTS = Path(__file__).with_name("facts.json")
_TARGETS = ("classes", "binary", "labels", "values", "several")


def entries() -> Sequence[Architecture]:
    """One entry a classifier."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    return [_entry(name, fact) for name, fact in facts["architectures"].items()]


def _entry(name: str, fact: Mapping[str, Any]) -> Architecture:
    return Architecture(
        name=name,
        factory=f"zoo_torchvision.networks:{name}",
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
    )
