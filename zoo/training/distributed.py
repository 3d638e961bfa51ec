"""The processes that train one network together: who they are, and what they tell one another.

Each holds the network and sees its share of every batch. Gradients are summed over all of them and divided
once by the global count, so the update is that of one process on the whole batch.
"""

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from zoo.errors import UsageError
from zoo.training.interrupts import Interrupts
from zoo.training.sharding import is_spread, local

Models = Mapping[str, torch.nn.Module]
LOOK_EVERY = 16
"""Steps after which a GPU is asked what it knows, where asking means to wait for it."""


@dataclass
class Team:
    """The processes that share every step; one by itself by default.

    Attributes:
        rank: This one's number; the first one keeps the run folder.
        size: How many there are.
        local_rank: This one's number on its machine: which GPU is its own.
        was_restarted: Whether another team was here before, and one of its processes was lost.
        interrupts: The signals that this process was sent.
        is_idle: Whether its share of the batch at hand is another's too, and counts for nothing.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    was_restarted: bool = False
    interrupts: Interrupts = field(default_factory=Interrupts)
    is_idle: bool = False
    _heard: int = 0
    _asked: Tensor | None = field(default=None, repr=False)

    @property
    def is_several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    @property
    def is_first(self) -> bool:
        """Whether this process keeps the run folder and speaks to the user."""
        return self.rank == 0

    def require_share(self, batch_size: int) -> None:
        """Whether batches of this size can be shared.

        Raises:
            UsageError: There are more processes than examples.
        """
        if batch_size < self.size:
            raise UsageError(
                f"a batch of {batch_size} examples cannot be shared by {self.size} processes",
                fix="a larger batch_size, or fewer processes",
            )

    def share(self, indices: Tensor, batch_size: int) -> Tensor:
        """This process's part of a batch, which is smaller than ``batch_size`` where an epoch ends.

        Which examples make a batch does not depend on how many processes there are. Where it has too few for
        all of them, the last ones play another's part along, for the messages that all await, and it counts
        for nothing.
        """
        if not self.is_several:
            return indices
        num_parts = self._num_parts(len(indices), batch_size)
        return indices.tensor_split(num_parts)[min(self.rank, num_parts - 1)]

    def see(self, num_examples: int, batch_size: int) -> None:
        """A step begins on a batch of so many examples: whether this process counts in it."""
        if self.is_several:
            self.is_idle = self.rank >= self._num_parts(num_examples, batch_size)

    def _num_parts(self, num_examples: int, batch_size: int) -> int:
        # One example alone has no batch statistics.
        smallest = 2 if batch_size >= 2 * self.size else 1
        return min(self.size, max(1, num_examples // smallest))

    def spread(self, module: torch.nn.Module) -> torch.nn.Module:
        """The network as it is called where its gradients are exchanged while backward still runs."""
        return DistributedDataParallel(module)

    def exchange_after(self, models: Models, *, is_last: bool) -> None:
        """Says whether gradients are exchanged in the backward pass that comes."""
        for model in models.values():
            if isinstance(model, DistributedDataParallel):
                model.require_backward_grad_sync = is_last
            elif set_sync := getattr(model, "set_requires_gradient_sync", None):  # of FSDP2
                set_sync(is_last)

    def reduce(
        self, model: torch.nn.Module, gradients: list[Tensor], total: Tensor, count: Tensor | float
    ) -> Tensor:
        """Makes gradients of a sum those of the mean over all processes; returns that mean."""
        if not self.is_several:
            torch._foreach_div_(gradients, count)
            return total / count
        flag = float(self.interrupts.pending > 0)
        told = torch.stack(
            [torch.as_tensor(each, device=total.device).float() for each in (total, count, flag)]
        )
        dist.all_reduce(told)
        if isinstance(model, DistributedDataParallel) or is_spread(gradients[0]):
            torch._foreach_mul_(
                local(gradients), self.size / told[1]
            )  # they have averaged over the processes
        else:
            _in_one_message(gradients, dist.all_reduce)
            torch._foreach_div_(gradients, told[1])
        self._asked = told[2] if self._asked is None else self._asked + told[2]
        return told[0] / told[1]

    def hear(self, step: int) -> int:
        """The signal after which all stop, at the same step in every process; 0 if there is none."""
        if not self.is_several:
            return self.interrupts.pending
        # A GPU is not asked at each step, which would mean to wait for it.
        is_asked = self._asked is not None and (self._asked.device.type == "cpu" or step % LOOK_EVERY == 0)
        if is_asked and self._asked.item() > 0:  # type: ignore[union-attr]
            # Which signal another was sent is not said; all are asked to end.
            self._heard = self.interrupts.pending or signal.SIGTERM
        return self._heard

    def align(self, models: Models) -> None:
        """Gives all of them the first one's buffers, such as running statistics, after a step.

        ``DistributedDataParallel`` does so itself, before each step.
        """
        if not self.is_several:
            return
        for model in models.values():
            if isinstance(model, DistributedDataParallel):
                continue
            buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
            for dtype in dict.fromkeys(buffer.dtype for buffer in buffers):
                alike = [buffer for buffer in buffers if buffer.dtype == dtype]
                _in_one_message(alike, lambda flat: dist.broadcast(flat, src=0))

    def agree(self, document: dict[str, Any]) -> dict[str, Any]:
        """What the first process says, in every one of them."""
        if not self.is_several:
            return document
        # On the CPU, where every team can talk. Objects would be pickled on their way.
        content = torch.frombuffer(bytearray(json.dumps(document).encode()), dtype=torch.uint8)
        size = torch.tensor([len(content)])
        dist.broadcast(size, src=0)
        content = content if self.is_first else torch.empty(int(size), dtype=torch.uint8)
        dist.broadcast(content, src=0)
        said: dict[str, Any] = json.loads(bytes(content.numpy()))
        return said

    def wait(self) -> None:
        """Until all have come this far."""
        if self.is_several:
            dist.barrier()


def _in_one_message(tensors: list[Tensor], send: Callable[[Tensor], object]) -> None:
    """Exchanges tensors of one type with all processes, and puts what comes back in their place."""
    flat = torch._utils._flatten_dense_tensors(tensors)  # type: ignore[no-untyped-call]
    send(flat)
    received = torch._utils._unflatten_dense_tensors(flat, tensors)  # type: ignore[no-untyped-call]
    torch._foreach_copy_(tensors, received)
