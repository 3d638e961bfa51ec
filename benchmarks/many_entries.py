"""A plugin of many entries whose facts come from a JSON file, as the bridges to whole libraries have them."""

import json
from pathlib import Path

NUM_ENTRIES = 1500
_MODULE = """
import json
from pathlib import Path

from zoo.plugin import Architecture, hookimpl


@hookimpl
def zoo_register():
    facts = json.loads(Path(__file__).with_name("facts.json").read_text())
    return [
        Architecture(
            name=name,
            factory="zoo_many.networks:build",
            summary=fact["summary"],
            accepts=("image",),
            predicts=("classes",),
            image_size=fact["image_size"],
            image_mean=tuple(fact["image_mean"]),
            image_std=tuple(fact["image_std"]),
            num_parameters=fact["num_parameters"],
            conformance=fact["conformance"],
        )
        for name, fact in facts.items()
    ]
"""


def install(folder: Path) -> None:
    """Writes the distribution ``zoo-many`` into a folder, as pip leaves it.

    Its factory imports torch, timm and torchvision, which a listing has no use for.
    """
    package, info = folder / "zoo_many", folder / "zoo_many-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text(_MODULE)
    (package / "networks.py").write_text("import timm, torch, torchvision\n")
    (package / "facts.json").write_text(json.dumps({f"network-{n}": _fact(n) for n in range(NUM_ENTRIES)}))
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: zoo-many\nVersion: 1.0\nRequires-Dist: zoo-core[train]>=0.1\n"
    )
    (info / "entry_points.txt").write_text("[zoo]\nmany = zoo_many\n")


def _fact(number: int) -> dict[str, object]:
    return {
        "summary": f"Network {number} of a library, with a line of text about as long as such lines are",
        "image_size": 224 + 32 * (number % 5),
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "num_parameters": 1_000_000 + 50_000 * number,
        "conformance": "failed: no reason at all" if number % 100 == 0 else "passed",
    }
