"""Starts the processes of a team on this machine, and starts them again when one of them is lost."""

import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

MAX_RESTARTS = 3


def launch(words: Sequence[str], run_path: Path, num_processes: int, say: Callable[[str], None]) -> int:
    """Runs ``zoo WORDS`` in so many processes as ``torchrun`` does; returns the exit code.

    Where a process was killed, all of them resume the run; an error of Zoo's own would only come again.

    Args:
        words: The command line behind ``zoo``; it names the run folder.
        run_path: The run folder.
        num_processes: How many.
        say: Told when they are started again.
    """
    for _ in range(MAX_RESTARTS + 1):
        code = _launch(words, num_processes)
        if code >= 0:
            return code
        say(f"a process was killed by signal {-code}; all of them go on from the last checkpoint")
        # A resumed run is resumed with the same words: its changes may not have been written yet.
        if run_path.exists() and next(word for word in words if not word.startswith("-")) == "train":
            words = ("resume", str(run_path), *(["--json"] if "--json" in words else []))
    return 128 - code


def _launch(words: Sequence[str], num_processes: int) -> int:
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    # Processes with as many threads as there are cores, each, would only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // num_processes)))
    # What it logs of lost processes is said in words of our own.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        elastic_launch(config, sys.executable)("-m", "zoo", *words)
    except ChildFailedError as error:
        # Those that lose a partner fail too, perhaps before it is seen that it was killed; SIGTERM is what
        # the launcher itself sends to those that are left.
        codes = [failure.exitcode for failure in error.failures.values()]
        killed = [code for code in codes if code < 0 and code != -signal.SIGTERM]
        return killed[0] if killed else error.get_first_failure()[1].exitcode
    except SignalException as error:
        return 128 + error.sigval
    return 0
