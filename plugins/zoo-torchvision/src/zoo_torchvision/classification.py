"""Entries of torchvision's classifiers, from facts that a command measured."""

from collections.abc import Sequence
from pathlib import Path

from zoo.plugin import Architecture
from zoo_torchvision import facts

FACTS = Path(__file__).with_name("facts.json")


def entries() -> Sequence[Architecture]:
    """One entry a classifier."""
    return [
        facts.entry(
            name,
            fact,
            module="networks",
            summary=fact["summary"],
            reference=fact["reference"],
            accepts=("image",),
            predicts=facts.CLASSIFIED,
        )
        for name, fact in facts.read(FACTS)["architectures"].items()
    ]
