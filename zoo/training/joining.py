"""How the processes that were started together find one another, and what is said when one is lost."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from zoo.errors import EnvironmentFault
from zoo.training.distributed import Team

TIMEOUT = timedelta(minutes=10)
"""How long one process waits for another before it takes it for lost."""
_LOOK_AGAIN_S = 0.01


def is_loss(error: Exception) -> bool:
    """Whether an error says that another process does not answer any more."""
    # Gloo's errors have no type of their own.
    return isinstance(error, dist.DistError) or (type(error) is RuntimeError and "gloo" in str(error))


def loss() -> EnvironmentFault:
    """The same in words."""
    return EnvironmentFault(
        "another process of this training was lost",
        fix="see what it said; zoo resume goes on from the last checkpoint",
    )


@contextmanager
def joined() -> Iterator[Team]:
    """The team that ``torchrun`` made this process a part of, or one by itself.

    Raises:
        EnvironmentFault: Another process was lost.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        rank = int(os.environ["RANK"])
        store = _store_of_this_start(rank, size)
        dist.init_process_group(backend, timeout=TIMEOUT, store=store, rank=rank, world_size=size)
        yield Team(rank=rank, size=size, local_rank=local_rank, was_restarted=_was_one_restarted())
    except Exception as error:
        if is_loss(error):
            raise loss() from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _store_of_this_start(rank: int, size: int) -> Store:
    """Where the processes that were started together find one another's addresses, and no others.

    ``torchrun`` keeps one store for all the times that it starts them, and in it are the addresses of those
    that were lost. So the first one thinks of a name for this start, and tells it to those that ask: each
    asks by a name of its own, since what is asked may be left from another start.
    """
    store, _, _ = next(rendezvous("env://", rank, size, timeout=TIMEOUT))
    own = uuid.uuid4().hex
    if rank > 0:
        store.set(f"zoo/asks/{rank}", own)
        name = store.get(f"zoo/told/{own}").decode()
        store.set(f"zoo/heard/{name}/{rank}", "")
        return PrefixStore(name, store)
    waiting, deadline = set(range(1, size)), time.monotonic() + TIMEOUT.total_seconds()
    while waiting:
        if time.monotonic() > deadline:
            raise loss()
        for other in waiting:
            if store.check([f"zoo/asks/{other}"]):
                store.set(f"zoo/told/{store.get(f'zoo/asks/{other}').decode()}", own)
        waiting = {other for other in waiting if not store.check([f"zoo/heard/{own}/{other}"])}
        time.sleep(_LOOK_AGAIN_S)
    return PrefixStore(own, store)


def _was_one_restarted() -> bool:
    """Whether any of them was, as all see it: where one machine lost a process, the others count no restart."""
    count = torch.tensor([int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))])
    dist.all_reduce(count)
    return int(count) > 0
