"""``python -m zoo``: the command line of this interpreter's environment."""

from zoo.cli import main

main()
