"""torchvision's networks."""

from collections.abc import Sequence

from zoo.plugin import Entry, hookimpl
from zoo_torchvision import detection


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The detectors, their objective and their loss."""
    return detection.entries()
