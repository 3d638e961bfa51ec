"""Every network of torchvision; registration reads shipped facts and imports neither torch nor torchvision."""

from collections.abc import Sequence

from zoo.plugin import Entry, hookimpl
from zoo_torchvision import segmentation, video


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of torchvision."""
    return [*segmentation.entries(), *video.entries()]
