"""Measures what torchvision's segmentation networks are, and writes it into their plugin.

python -m benchmarks.segmentation
"""

import json
from pathlib import Path

import torch
import torchvision
from torchvision.models import segmentation

FILE = Path("plugins/zoo-torchvision/src/zoo_torchvision/segmentation.json")
_SIDES = (8, 16, 32, 64, 128)


def main():
    names = torchvision.models.list_models(module=segmentation)
    FILE.write_text(json.dumps({name: fact(name) for name in names}, indent=1) + "\n")


def fact(name):
    """Size and constants of its weights' pictures, the smallest it runs on, parameters without the auxiliary head."""
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None).eval()
    return {
        "image_size": preset.resize_size[0],
        "min_image_size": next(side for side in _SIDES if runs(network, side)),
        "mean": preset.mean,
        "std": preset.std,
        "parameters": sum(each.numel() for each in network.parameters()),
    }


def runs(network, side):
    """Whether the features it labels from have more than one place a side."""
    with torch.no_grad():
        features = network.backbone(torch.zeros(1, 3, side, side))
    return min(min(each.shape[2:]) for each in features.values()) > 1


if __name__ == "__main__":
    main()
