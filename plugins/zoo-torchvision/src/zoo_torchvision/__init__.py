"""Every network of torchvision; registration reads shipped facts and imports neither torch nor torchvision."""

from collections.abc import Sequence

from zoo.plugin import Entry, hookimpl
from zoo_torchvision import classification, detection, segmentation, unsupported, video


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of torchvision, with the reason where one cannot be used, and what trains its detectors."""
    parts = (classification, segmentation, detection, video, unsupported)
    return [entry for part in parts for entry in part.entries()]
