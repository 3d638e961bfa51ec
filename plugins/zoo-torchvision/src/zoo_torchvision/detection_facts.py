"""Writes what torchvision says of its detectors: ``python -m zoo_torchvision.detection_facts``."""

import json
from typing import Any

from torch import nn
from torchvision import models

from zoo_torchvision.detection import FACTS
from zoo_torchvision.one_stage import FAMILIES, lay_anchors

_SIDES = range(32, 321, 32)


def facts_of(name: str) -> dict[str, Any]:
    """Size and constants of pictures, and the parameters with torchvision's own number of classes."""
    network = models.get_model(name, weights=None, weights_backbone=None)
    transform = network.transform
    side = transform.fixed_size[0] if transform.fixed_size else transform.min_size[-1]
    return {
        "image_size": side,
        "min_image_size": _least_side(network) if name.startswith(tuple(FAMILIES)) else 1,
        "mean": transform.image_mean,
        "std": transform.image_std,
        "parameters": sum(each.numel() for each in network.parameters()),
    }


def _least_side(network: nn.Module) -> int:
    """The smallest side, of multiples of 32 pixels, that the network can see."""
    return next(side for side in _SIDES if _can_see(network, side))


def _can_see(network: nn.Module, side: int) -> bool:
    try:
        lay_anchors(network, (side, side))
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    found = {name: facts_of(name) for name in models.list_models(models.detection)}
    FACTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
