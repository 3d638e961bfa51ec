"""Entries of torchvision's networks for clips, from facts that a command took from the library."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture

FACTS = Path(__file__).with_name("video_facts.json")
_TARGETS = ("classes", "binary", "labels", "values", "several")
# A clip takes the room of as many pictures as it has frames.
_RECIPE = {"batch_size": 8}


def entries() -> Sequence[Architecture]:
    """One entry a network for clips."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    return [_entry(name, fact) for name, fact in facts["architectures"].items()]


def _entry(name: str, fact: Mapping[str, Any]) -> Architecture:
    return Architecture(
        name=name,
        factory=f"zoo_torchvision.video_networks:{name}",
        summary=fact["summary"],
        reference=fact["reference"],
        accepts=("video",),
        predicts=_TARGETS,
        image_size=fact["image_size"],
        min_image_size=fact["min_image_size"],
        num_frames=fact["num_frames"],
        image_mean=tuple(fact["mean"]),
        image_std=tuple(fact["std"]),
        recipe=_RECIPE,
        num_parameters=fact["parameters"],
        conformance=fact.get("conformance", ""),
    )
