"""A function of a batch as one graph, called without what PyTorch's compiler does before each call of its own."""

import dis
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch
import torch._dynamo
from torch._dynamo.convert_frame import register_bytecode_hook
from torch._inductor import list_mode_options
from torch._inductor.compile_fx import compile_fx

from zoo.contracts.examples import Batch

Tensors = Sequence[torch.Tensor]
_STORES = {
    f"{verb}_{where}"
    for verb in ("STORE", "DELETE")
    for where in ("ATTR", "SUBSCR", "SLICE", "GLOBAL", "NAME", "DEREF")
}


class Graph:
    """Compiles a function of a batch that changes nothing but tensors, each of which stays where it is.

    Before each call the compiler checks what it took for granted (attributes of modules, shapes, settings),
    and gathers the tensors that the graph reads, which a small step feels. Where nothing else runs between two
    calls, nothing of it can have changed: then the graph itself is called, with the new batch.
    This begins at the third call with a batch of some shape: the first two tell which of the tensors are the
    batch's and that all others are the same ones.

    Args:
        function: From a batch to one tensor.
        captures: Whether the graph is captured as a CUDA graph.
        dynamic: Whether one graph is for batches of every shape.
    """

    def __init__(self, function: Callable[[Batch], torch.Tensor], *, captures: bool, dynamic: bool) -> None:
        self._captures = captures
        self._backend = _Backend("reduce-overhead" if captures else "default")
        self._checked = torch.compile(function, fullgraph=True, backend=self._backend, dynamic=dynamic)
        self._calls: dict[Hashable, _Call] = {}
        self._direct: dict[Hashable, Callable[[Tensors], torch.Tensor]] = {}

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The function's answer; where it is captured, the next call writes over it."""
        if self._captures:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        tensors = batch.tensors
        laid = tuple((tensor.shape, tensor.stride()) for tensor in tensors)
        direct = self._direct.get(laid)
        return direct(tensors) if direct else self._call_checked(batch, laid)

    @property
    def is_direct(self) -> bool:
        """Whether the graph itself is called for some batches."""
        return bool(self._direct)

    def look_again(self) -> None:
        """Something else ran: what was taken for granted is checked at the next calls."""
        self._calls.clear()
        self._direct.clear()

    def _call_checked(self, batch: Batch, laid: Hashable) -> torch.Tensor:
        handle = register_bytecode_hook(self._backend.judge)
        try:
            answer: torch.Tensor = self._checked(batch)
        finally:
            handle.remove()
        call = self._backend.take_call(batch.tensors, answer)
        if call is None:
            return answer
        before = self._calls.setdefault(laid, call)
        if before is not call and call.differs_in_batch_alone(before):
            self._direct[laid] = call.replay
        return answer


@dataclass
class _Call:
    """One call of a graph.

    Attributes:
        graph: What was called.
        arguments: With what.
        places: Of each argument that is a tensor of the batch, which one it is.
    """

    graph: Callable[..., Sequence[torch.Tensor]]
    arguments: list[Any]
    places: dict[int, int]

    def differs_in_batch_alone(self, other: "_Call") -> bool:
        return (
            self.graph is other.graph
            and self.places == other.places
            and all(
                place in self.places or each is before
                for place, (each, before) in enumerate(zip(self.arguments, other.arguments, strict=True))
            )
        )

    def replay(self, tensors: Tensors) -> torch.Tensor:
        """The graph's answer for another batch."""
        for place, which in self.places.items():
            self.arguments[place] = tensors[which]
        return self.graph(*self.arguments)[0]


class _Backend:
    """PyTorch's own compiler, and a memory of how its last graph was called."""

    def __init__(self, mode: str) -> None:
        self._options = list_mode_options(mode)
        self._last: tuple[Callable[..., Any], Sequence[Any], Sequence[Any]] | None = None
        self._is_pure = True

    def __call__(self, module: torch.fx.GraphModule, examples: list[Any]) -> Callable[..., Any]:
        graph: Any = compile_fx(module, examples, config_patches=self._options)

        def run(*arguments: Any) -> Any:
            answers = graph(*arguments)
            self._last = graph, arguments, answers
            return answers

        return run

    def reset(self) -> None:
        """Called by ``torch.compiler.reset``."""
        if self._options.get("triton.cudagraphs"):
            from torch._inductor.cudagraph_trees import reset_cudagraph_trees

            reset_cudagraph_trees()

    def judge(self, code: CodeType, new_code: CodeType) -> None:
        """Looks through compiled code: what it does after its graph, to Python's objects, may not be left out."""
        steps = list(dis.get_instructions(new_code))
        kept = [place for place, each in enumerate(steps) if str(each.argval).startswith("graph_out")]
        later = [each.opname for each in steps[kept[0] :]] if kept else ["CALL"]
        self._is_pure &= not any(name.startswith("CALL") or name in _STORES for name in later)

    def take_call(self, batch: Tensors, answer: torch.Tensor) -> _Call | None:
        """The last call, if another one like it can be made without the compiler."""
        last, self._last = self._last, None
        if last is None or not self._is_pure:
            return None
        graph, arguments, answers = last
        if len(answers) != 1 or answers[0] is not answer:
            return None
        if not all(isinstance(each, torch.Tensor) for each in arguments):
            return None
        which = {id(tensor): number for number, tensor in enumerate(batch)}
        places = {place: which[id(each)] for place, each in enumerate(arguments) if id(each) in which}
        return _Call(graph, list(arguments), places)


def forget_graphs() -> None:
    """Drops what was compiled for another training.

    This one's graphs must not depend on it, nor on which shape comes first, which differs where a run goes on:
    with ``dynamic`` said there is one graph a shape, or one for all of them.
    """
    torch.compiler.reset()
