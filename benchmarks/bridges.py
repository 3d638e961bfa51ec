"""The plugins that bring another library's networks or optimizers, by the hundred, and the registry without them.

What is tried of every installed entry is tried of theirs by the matrix of compatibility and by their own tests.
"""

from functools import cache

from zoo.discovery import find_offers
from zoo.registry import Registry

BRIDGES = frozenset({"zoo-pytorch-optimizer", "zoo-timm", "zoo-torchvision"})


@cache
def registry_without_bridges() -> Registry:
    """What is really installed, but for the bridges; found once in a process."""
    installed = {offer.distribution for offer in find_offers()}
    return Registry.discover({"ZOO_PLUGINS": ",".join(sorted(installed - BRIDGES))})
