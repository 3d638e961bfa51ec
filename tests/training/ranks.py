"""What the processes of a team do in the tests, each from its own start."""

import os
import signal
from pathlib import Path

from tests.training import risky
from zoo.cli.program import program
from zoo.registry import Registry
from zoo.training import session
from zoo.training.progress import Lines


def killed_at_fsync(rank, number, *words):
    """One command line, ended by SIGKILL in the process of that rank before it synchronises so many files."""
    if os.environ["RANK"] == str(rank):
        synchronise, left = os.fsync, [number]

        def count(descriptor):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            synchronise(descriptor)

        os.fsync = count
    return program(list(words))


def train_risky(path, keys):
    """Trains a network whose numbers do not stay finite; each process says what it skips."""
    registry = Registry.discover()
    registry = Registry(plugins=[*registry.plugins, risky.plugin()])
    session.start(keys, run_path=Path(path), registry=registry, progress=Lines(print))
