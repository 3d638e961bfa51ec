"""Processes of one team, forked from one that has imported everything: each starts in a moment.

What ``torchrun`` tells the processes it starts, these are told too; a launcher that starts them again when one
is lost, they have not.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 240.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "zoo.cli.training",
        "zoo.training.session",
        "torch.distributed.fsdp",
        "torch.distributed.checkpoint.hf_storage",
        "torch.distributed.checkpoint.state_dict",
        "benchmarks.ranks",
    ]
)


@dataclass(frozen=True)
class Ended:
    """How the processes of a team ended.

    Attributes:
        codes: By rank, the exit code, or minus the number of the signal.
        said: By rank, what it wrote.
    """

    codes: tuple[int, ...]
    said: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether all of them came to the end."""
        return not any(self.codes)


class Team:
    """Processes that each do the same thing, and know their rank.

    Args:
        act: What each does; a function of a module.
        arguments: What it is given.
        size: How many there are.
    """

    def __init__(self, act: Callable[..., Any], arguments: Sequence[Any], size: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        port = _free_port()
        self._files = [Path(self._folder.name, f"{rank}.txt") for rank in range(size)]
        self.processes = [
            _FORKS.Process(target=_become, args=(rank, size, port, os.fspath(file), act, tuple(arguments)))
            for rank, file in enumerate(self._files)
        ]
        for process in self.processes:
            process.start()

    def wait(self, limit_s: float = LIMIT_S) -> Ended:
        """Waits for all of them; what still runs at the limit is killed."""
        deadline = time.monotonic() + limit_s
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()
        codes = tuple(process.exitcode or 0 for process in self.processes)
        said = tuple(file.read_text() if file.exists() else "" for file in self._files)
        for process in self.processes:
            process.close()
        self._folder.cleanup()
        return Ended(codes, said)


def together(size: int, act: Callable[..., Any], *arguments: Any) -> Ended:
    """Does one thing in so many processes, to its end."""
    return Team(act, arguments, size).wait()


def zoo(*words: str) -> int:
    """One command line, as a process of a team runs it."""
    from zoo.cli.program import program

    return program(list(words))


def killed_at_fsync(rank: int, number: int, *words: str) -> int:
    """One command line, ended by SIGKILL in the process of that rank before it synchronises so many files."""
    if os.environ["RANK"] == str(rank):
        synchronise, left = os.fsync, [number]

        def count(descriptor: int) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            synchronise(descriptor)

        os.fsync = count
    return zoo(*words)


def _become(rank: int, size: int, port: int, file: str, act: Callable[..., Any], arguments: Any) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    if size > 1:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "ranks"}
        os.environ |= {name: str(value) for name, value in told.items()}
    import torch

    torch.set_num_threads(1)
    code = act(*arguments)
    sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else 0)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def below(parent: int) -> list[int]:
    """Every process that this one started, from whichever thread, and those below them."""
    children: list[int] = []
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{parent}/task").iterdir():
            children += [int(pid) for pid in (task / "children").read_text().split()]
    return children + [each for child in children for each in below(child)]


def find(launcher: int, rank: int) -> int | None:
    """The process of that rank below a launcher; it may have none at the moment."""
    for pid in below(launcher):
        with suppress(OSError):
            if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return pid
    return None


def end(launcher: subprocess.Popen[Any]) -> None:
    """Ends a launcher that still runs, and what it started."""
    for pid in [*below(launcher.pid), launcher.pid] if launcher.poll() is None else []:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    launcher.wait()
