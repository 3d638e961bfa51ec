"""What commands measured of torchvision's networks, and the entries that are made of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture

CLASSIFIED = ("classes", "binary", "labels", "values", "several")
"""Targets whose scores are the numbers of one last layer."""


def read(path: Path) -> Any:
    """What a command wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def entry(name: str, fact: Mapping[str, Any], *, module: str, **told: Any) -> Architecture:
    """An architecture of these facts.

    Args:
        name: What the library calls it.
        fact: What was measured.
        module: The module of this package whose attribute of that name is the factory.
        told: Whatever else there is to say.
    """
    return Architecture(
        name=name,
        factory=f"zoo_torchvision.{module}:{name}",
        image_size=fact["image_size"],
        min_image_size=fact["min_image_size"],
        image_mean=tuple(fact["mean"]),
        image_std=tuple(fact["std"]),
        num_parameters=fact["parameters"],
        conformance=fact.get("conformance", ""),
        **told,
    )
