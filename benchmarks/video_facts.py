"""Takes from torchvision what its networks for clips are made for: ``python -m benchmarks.video_facts``."""

import json
import re

import torch
import torchvision

from zoo_torchvision import video, video_networks

_PAPER = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")


def facts_of(name: str) -> dict[str, object]:
    """The facts of one network; its parameters are counted with the classes of its weights."""
    builder = torchvision.models.get_model_builder(name)
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None)
    papers = dict.fromkeys(_PAPER.findall(builder.__doc__ or ""))
    return {
        "summary": f"torchvision's {name}, for clips",
        "reference": " and ".join(f"arXiv:{paper}" for paper in papers),
        **video_networks.facts_of(name),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def main() -> None:
    """Writes the plugin's facts."""
    facts = {
        "library": f"torchvision {torchvision.__version__}",
        "architectures": {name: facts_of(name) for name in video_networks.names()},
    }
    video.FACTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{len(facts['architectures'])} networks: {video.FACTS.name}")


if __name__ == "__main__":
    main()
