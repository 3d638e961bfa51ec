"""The command line: a leaf that parses words, calls the library and prints.

Each command stands in a module of its own that is imported when the command runs.
"""

import sys
from typing import NoReturn

from zoo.cli.program import program


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with the code that ``zoo.errors`` documents."""
    sys.exit(program(sys.argv[1:] if arguments is None else arguments))
