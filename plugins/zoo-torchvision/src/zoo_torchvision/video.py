"""Entries of torchvision's networks for clips, from facts that a command took from the library."""

from collections.abc import Sequence
from pathlib import Path

from zoo.plugin import Architecture
from zoo_torchvision import facts

FACTS = Path(__file__).with_name("video_facts.json")
# A clip takes the room of as many pictures as it has frames.
_RECIPE = {"batch_size": 8}


def entries() -> Sequence[Architecture]:
    """One entry a network for clips."""
    return [
        facts.entry(
            name,
            fact,
            module="video_networks",
            summary=fact["summary"],
            reference=fact["reference"],
            accepts=("video",),
            predicts=facts.CLASSIFIED,
            num_frames=fact["num_frames"],
            recipe=_RECIPE,
        )
        for name, fact in facts.read(FACTS)["architectures"].items()
    ]
