"""Entries of torchvision's networks that label every pixel, from facts that a command measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture
from zoo_torchvision import facts

FACTS = Path(__file__).with_name("segmentation.json")
_PAPERS = {
    "deeplabv3": ("DeepLabV3: atrous convolutions at several rates", "arXiv:1706.05587"),
    "fcn": ("Fully convolutional network", "arXiv:1411.4038"),
    "lraspp": ("Lite R-ASPP: a small head for a mobile network", "arXiv:1905.02244"),
}


def entries() -> Sequence[Architecture]:
    """One entry a network."""
    return [_entry(name, fact) for name, fact in facts.read(FACTS).items()]


def _entry(name: str, fact: Mapping[str, Any]) -> Architecture:
    family, _, backbone = name.partition("_")
    what, paper = _PAPERS[family]
    return facts.entry(
        name,
        fact,
        module="segmenters",
        summary=f"{what}, on {backbone}",
        reference=paper,
        accepts=("image",),
        predicts=("mask",),
    )
