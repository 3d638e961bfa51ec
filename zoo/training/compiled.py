"""Compiles the step: forward, loss, backward, the check and the optimizer's update become one graph."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

import torch
import torch._dynamo
import torch._inductor.config
import torch._inductor.exc

from zoo.contracts.examples import Batch
from zoo.registry import describe
from zoo.training.graphs import forget_graphs
from zoo.training.player import Player
from zoo.training.step import Step
from zoo.training.whole import WholeStep

_NUM_EAGER = 12
"""Steps before the compiled ones: the optimizer makes its state, and there is a time to compare with."""
_NUM_TIMED = 20
_TRACES_BACKWARD = hasattr(torch._dynamo.config, "trace_autograd_ops")
_CANNOT_FOLLOW = (
    torch._dynamo.exc.Unsupported,
    torch._dynamo.exc.UserError,
    torch._dynamo.exc.FailOnRecompileLimitHit,
    torch._inductor.exc.InductorError,
)

Play = Callable[[Sequence[Batch]], dict[str, torch.Tensor]]


class Compiler:
    """Chooses what plays a step: the loop itself for the first few, and what was compiled from then on.

    Which steps are compiled depends on their number alone, so that a resumed run ends in the same bytes.

    Args:
        step: What is compiled.
        num_parts: Micro-batches of a batch.
        num_steps: Steps of the whole training.
        defers: Whether numbers that are not finite may be found some steps later.
        is_ragged: Whether shapes differ from batch to batch, not only where an epoch ends.
        note: Told what compiling cost, what a step takes since, and when that pays off.
    """

    def __init__(
        self,
        step: Step,
        *,
        num_parts: int,
        num_steps: int,
        defers: bool,
        is_ragged: bool,
        note: Callable[[str], None],
    ) -> None:
        self._step, self._num_parts, self._num_steps, self._note = step, num_parts, num_steps, note
        self._defers, self._is_ragged = defers, is_ragged
        self._whole: WholeStep | None = None
        self._compiled: Play | None = None
        self._eager_s: list[float] = []
        self._compiled_s: list[float] = []

    @contextmanager
    def settings(self) -> Iterator[None]:
        """The compiler's own, as long as a training lasts: to set them at each step takes a part of a small one."""
        # Of a GPU's kernels it else takes those that were the fastest just now.
        is_deterministic = torch.are_deterministic_algorithms_enabled()
        with torch._inductor.config.patch(deterministic=is_deterministic), ExitStack() as stack:
            if _TRACES_BACKWARD:
                # Else the graph ends before the backward pass.
                stack.enter_context(torch._dynamo.config.patch(trace_autograd_ops=True))
            yield

    def look_again(self) -> None:
        """To be called where anything but steps ran: what the graph takes for granted is checked again."""
        if self._whole is not None:
            self._whole.look_again()

    def choose(self, number: int) -> Play:
        """What plays the step of that number."""
        if number < _NUM_EAGER:
            return self._timed(self._step, self._eager_s)
        if self._compiled is None:
            self._compiled = self._compile()
        if len(self._compiled_s) == _NUM_TIMED:
            self._tell(number)
        return self._timed(self._compiled, self._compiled_s)

    def _compile(self) -> Play:
        reason = why_not_whole(self._step, self._num_parts)
        if reason:
            return self._networks(reason)
        self._whole = WholeStep(self._step, defers=self._defers, is_ragged=self._is_ragged)
        return self._or_networks(self._whole)

    def _or_networks(self, whole: "WholeStep") -> Play:
        """The whole step, or the networks alone where the compiler cannot follow the optimizer or the loss."""
        chosen: Play = whole

        def play(micro_batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
            nonlocal chosen
            try:
                return chosen(micro_batches)
            except _CANNOT_FOLLOW as error:
                whole.give_up()
                chosen = self._networks(describe(error).splitlines()[0])
                return chosen(micro_batches)

        return play

    def _networks(self, reason: str) -> Play:
        self._note(f"compile=true compiles the networks, not the whole step: {reason}")
        forget_graphs()
        for player in self._step.players.values():
            player.module.compile(dynamic=self._is_ragged)
        return self._step

    def _timed(self, play: Play, seconds: list[float]) -> Play:
        if len(seconds) > _NUM_TIMED:
            return play

        def timed(micro_batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
            started_at = time.perf_counter()
            losses = play(micro_batches)
            for loss in losses.values():
                loss.item()  # the device has done it, not only heard of it
            seconds.append(time.perf_counter() - started_at)
            return losses

        return timed

    def _tell(self, number: int) -> None:
        """One sentence for the user, once."""
        cost_s, compiled_s = sum(self._compiled_s[:2]), median(self._compiled_s[2:])
        self._compiled_s.append(compiled_s)
        said = f"compiled in {cost_s:.1f} s; a step takes {1000 * compiled_s:.3g} ms"
        if not self._eager_s:
            self._note(said)
            return
        # The first step also makes the optimizer's state.
        eager_s = median(self._eager_s[1:])
        said += f" instead of {1000 * eager_s:.3g} ms"
        if compiled_s >= eager_s:
            self._note(f"{said}, which is no gain: leave compile out")
            return
        num_until_even = int(cost_s / (eager_s - compiled_s))
        left = self._num_steps - number
        self._note(f"{said}; that pays off after {num_until_even:,} steps, and {left:,} are left")


def why_not_whole(step: Step, num_parts: int) -> str:
    """Why a step cannot be one graph; empty if it can."""
    trained = [player for player in step.players.values() if player.optimizer is not None]
    if not _TRACES_BACKWARD:
        return "this PyTorch cannot trace a backward pass"
    if len(trained) > 1:
        return "several players take turns"
    if step.team.is_several:
        return "several processes exchange gradients in it"
    if trained[0].needs_closure:
        return "the optimizer evaluates the loss itself"
    if trained[0].scaler is not None:
        return "fp16 scales its gradients"
    if num_parts > 1:
        return "a batch is cut into micro-batches"
    if not _changes_tensors_alone(trained[0]):
        return "the optimizer counts or keeps lists outside of tensors"
    return ""


def _changes_tensors_alone(player: Player) -> bool:
    """Whether all that an update changes is in tensors, which a graph changes: those of PyTorch are so."""
    assert player.optimizer is not None
    counts = any("step" in group for group in player.groups)
    state = player.optimizer.state
    return not counts and all(
        isinstance(value, torch.Tensor)
        for parameter in state
        for value in (state[parameter].values() if isinstance(state[parameter], dict) else (None,))
    )
