"""Every network of torchvision; registration reads shipped facts and imports neither torch nor torchvision."""

from collections.abc import Sequence

from zoo.plugin import Entry, hookimpl
from zoo_torchvision import classification, unsupported


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of torchvision, with the reason where one cannot be used."""
    entries = [*classification.entries()]
    return [*entries, *unsupported.entries([entry.name for entry in entries])]
