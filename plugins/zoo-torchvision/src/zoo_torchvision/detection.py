"""torchvision's detectors as entries, from the facts that ``python -m zoo_torchvision.detection_facts`` wrote."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.plugin import Architecture, Entry, Loss, Objective
from zoo_torchvision.facts import entry, read

FACTS = Path(__file__).with_name("detection.json")
OBJECTIVE = "torchvision-detection"
# What AdamW wants of a network with a pyramid; the norms of early gradients are in the hundreds.
_RECIPE: Mapping[str, Any] = {
    "loss.name": OBJECTIVE,
    "optimizer.name": "adamw",
    "optimizer.lr": 2e-4,
    "schedule.name": "cosine",
    "batch_size": 8,
    "epochs": 60,
    "clip_norm": 10.0,
    "ema": 0.99,
}
_UNSUPPORTED = {
    "fasterrcnn": "its second stage sees proposals that are ranked and suppressed within the network, "
    "picture by picture, which an export for any batch size cannot follow",
    "maskrcnn": "Zoo has no target for the masks of objects",
    "keypointrcnn": "Zoo has no target for the key points of objects",
}
_SUMMARIES = {
    "fcos": "FCOS: one stage without anchors",
    "retinanet": "RetinaNet: one stage with anchors and focal loss",
    "ssd": "SSD: one stage with default boxes",
    "fasterrcnn": "Faster R-CNN: two stages",
    "maskrcnn": "Mask R-CNN: two stages and masks",
    "keypointrcnn": "Keypoint R-CNN: two stages and key points",
}
_PAPERS = {
    "fcos": "arXiv:1904.01355",
    "retinanet": "arXiv:1708.02002",
    "ssd300": "arXiv:1512.02325",
    "ssdlite": "arXiv:1801.04381 and arXiv:1905.02244",
    "fasterrcnn": "arXiv:1506.01497",
    "maskrcnn": "arXiv:1703.06870",
    "keypointrcnn": "arXiv:1703.06870",
}


def entries() -> Sequence[Entry]:
    """Every detector of torchvision, and what trains them."""
    return [*(_architecture(name, known) for name, known in facts().items()), _OBJECTIVE, _LOSS]


def facts() -> Mapping[str, Mapping[str, Any]]:
    """What is known of each detector, by name."""
    known: Mapping[str, Mapping[str, Any]] = read(FACTS)
    return known


def _architecture(name: str, known: Mapping[str, Any]) -> Architecture:
    return entry(
        name,
        known,
        module="detectors",
        summary=f"{_by_prefix(_SUMMARIES, name)}, of torchvision",
        reference=_by_prefix(_PAPERS, name),
        accepts=("image",),
        predicts=("boxes",),
        objective=OBJECTIVE,
        recipe=_RECIPE,
        unsupported=_by_prefix(_UNSUPPORTED, name),
    )


def _by_prefix(texts: Mapping[str, str], name: str) -> str:
    return next((text for prefix, text in texts.items() if name.startswith(prefix)), "")


_OBJECTIVE = Objective(
    name=OBJECTIVE,
    factory="zoo_torchvision.detection_objective:torchvision_detection",
    summary="A detector of torchvision is trained by its own losses; pictures are flipped in training",
    fits=("boxes",),
)
_LOSS = Loss(
    name=OBJECTIVE,
    factory="zoo_torchvision.detection_objective:OwnLosses",
    summary="The sum of the losses that a detector of torchvision brings",
    fits=("boxes",),
    expects="logits",
)
