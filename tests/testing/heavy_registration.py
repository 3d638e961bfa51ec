"""A registration that imports torch."""

import torch  # noqa: F401

from zoo.plugin import hookimpl


@hookimpl
def zoo_register():
    return []
