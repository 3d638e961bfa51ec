"""The optimizers of timm."""

from collections.abc import Sequence

from zoo.plugin import Entry, hookimpl
from zoo_timm.optimizers import optimizer_entries


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """Every optimizer of timm."""
    return optimizer_entries()
