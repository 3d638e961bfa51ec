"""What Zoo and its own plugins offer, without the bridges to other libraries.

Bridges offer over a thousand entries; what is asked of each entry of them has commands of its own:
``benchmarks.compatibility`` and ``benchmarks.optimizers``.
"""

from functools import cache

from zoo.registry import Registry

BRIDGES = ("zoo-pytorch-optimizer", "zoo-timm", "zoo-torchvision")


@cache
def without_bridges() -> Registry:
    """The registry of what is installed, but for the bridges; found once in a process."""
    found = Registry.discover()
    own = Registry(plugins=[each for each in found.plugins if each.distribution not in BRIDGES])
    own.hooks = found.hooks
    return own
