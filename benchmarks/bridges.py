"""The plugins that bring another library's networks, by the hundred, and the registry without them.

What is tried of every installed entry is tried of theirs by the matrix of compatibility and by their own tests.
"""

from importlib import metadata

from zoo.registry import GROUP, Registry

BRIDGES = frozenset({"zoo-timm", "zoo-torchvision"})


def registry_without_bridges() -> Registry:
    """What is really installed, but for the bridges."""
    installed = {point.dist.name for point in metadata.entry_points(group=GROUP) if point.dist}
    return Registry.discover({"ZOO_PLUGINS": ",".join(sorted(installed - BRIDGES))})
