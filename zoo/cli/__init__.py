"""The command line: a leaf that parses words, calls the library and prints.

Each command stands in a module of its own that is imported when the command runs.
"""

import gc
import os
import sys
from typing import NoReturn

from zoo.cli.program import program

_GC_THRESHOLD = 10_000


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with the code that ``zoo.errors`` documents."""
    # Imports leave hundreds of thousands of objects and no garbage. As often as Python looks for cycles by
    # itself, it would go through all of them again and again before the first step.
    gc.set_threshold(_GC_THRESHOLD)
    _open_closed_streams()
    sys.exit(program(sys.argv[1:] if arguments is None else arguments))


def _open_closed_streams() -> None:
    """Gives a process that was started without an output or without a place for errors one that keeps nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
