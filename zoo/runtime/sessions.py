"""Sessions of ONNX Runtime that stay within bounds: no foreign weights, no endless loop, no more memory than there is."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime

from zoo.errors import ArtifactError, EnvironmentFault, UsageError, ZooError
from zoo.runtime.inspection import inspect

MAX_BYTES = 2**31
"""A protobuf message ends at 2 GiB."""
MAX_WEIGHT_BYTES = 1_800_000_000
"""What the weights of a file may take; the rest is room for everything else."""
LONGEST_LOOP_S = 300.0
LIMIT_VARIABLE = "ZOO_MEMORY_GB"
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_OUT_OF_MEMORY = ("Available memory of", "Failed to allocate memory", "bad_alloc", "bad allocation")


def why_no_file(num_bytes: int) -> str:
    """Why no file holds weights of that size; empty if one does."""
    if num_bytes <= MAX_WEIGHT_BYTES:
        return ""
    return (
        f"the weights take {num_bytes / 1e9:.1f} GB, and one ONNX file holds {MAX_WEIGHT_BYTES / 1e9:.1f} GB"
    )


class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A session on the CPU whose failures are explained, and whose loops end."""

    def __init__(self, model: bytes, options: onnxruntime.SessionOptions, *, has_loops: bool = False) -> None:
        # On a failure ONNX Runtime prints to stdout and tries the same provider again.
        super().__init__(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        self._has_loops = has_loops

    def run(
        self, names: Sequence[str] | None, feeds: Mapping[str, Any], run_options: Any = None
    ) -> list[Any]:
        """The outputs of that name.

        Raises:
            ArtifactError: The model fails on these inputs.
            EnvironmentFault: It takes more memory than there is, or a loop does not end in five minutes.
        """
        options = run_options or onnxruntime.RunOptions()
        options.log_severity_level = 4  # what fails is explained below
        with _time_limit(options) if self._has_loops else _explained():
            answers: list[Any] = super().run(names, feeds, options)
        return answers


def open_session(model: bytes) -> Session:
    """A session on the CPU for the bytes of a model.

    Raises:
        ArtifactError: The model holds what no model of Zoo does: weights in other files, functions of its
            own, or graphs without measure.
        EnvironmentFault: The installed ONNX Runtime cannot load it.
    """
    try:
        found = inspect(model)
    except ValueError as error:
        raise ArtifactError(
            f"the model is refused: {error}", fix="export it again with `zoo export`"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Idle threads that spin would take the cores from whoever shares the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if _limit_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return Session(model, options, has_loops=found.has_loops)
    # ONNX Runtime's exceptions have no common base; whatever it is, this machine cannot load the model.
    except Exception as error:
        raise EnvironmentFault(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model: {error}",
            fix="pip install --upgrade onnxruntime",
        ) from error


@cache
def _limit_memory() -> bool:
    """Lets the sessions of this process share memory that ends before the machine's does.

    Without it a model of a few bytes can ask for more, and the system ends a process at random.
    """
    limit = _memory_limit(os.environ.get(LIMIT_VARIABLE, ""))
    if limit is None:
        return False
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    defaults = -1
    arena = onnxruntime.OrtArenaCfg(limit, defaults, defaults, defaults)
    try:
        onnxruntime.create_and_register_allocator(place, arena)
    # Another library of this process has registered its own.
    except Exception:
        return False
    return True


def _memory_limit(asked: str) -> int | None:
    """The gigabytes that were asked for, or three quarters of what there is."""
    if not asked:
        available = available_bytes()
        return None if available is None else available * 3 // 4
    try:
        limit = int(float(asked) * 1e9)
    except (ValueError, OverflowError):
        limit = 0
    if limit < 1:
        raise UsageError(
            f"{LIMIT_VARIABLE}={asked} is no number of gigabytes", fix=f"for example {LIMIT_VARIABLE}=2"
        )
    return limit


def available_bytes() -> int | None:
    """Memory of this machine, or of the container that the process is in; ``None`` where it is not known."""
    try:
        known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, OSError, ValueError):
        return None
    for path in map(Path, _CGROUP_LIMITS):
        try:
            known.append(int(path.read_text()))
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
    return min(known)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ZooError:
        raise
    # ONNX Runtime's exceptions have no common base.
    except Exception as error:
        text = " ".join(str(error).split())
        if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
            raise EnvironmentFault(
                f"the model asks for more memory than it may have: {text}",
                fix=f"give fewer or smaller inputs at a time, or allow it more with {LIMIT_VARIABLE}=…",
            ) from error
        raise ArtifactError(
            f"the model fails on these inputs: {text}", fix="look at the inputs, or export it again"
        ) from error


@contextmanager
def _time_limit(options: onnxruntime.RunOptions) -> Iterator[None]:
    """Ends the run of a model with loops, which need not end by themselves."""

    def stop() -> None:
        options.terminate = True

    timer = threading.Timer(LONGEST_LOOP_S, stop)
    timer.daemon = True
    timer.start()
    try:
        with _explained():
            yield
    except ZooError as error:
        if not options.terminate:
            raise
        raise EnvironmentFault(
            f"the model's loops did not end within {LONGEST_LOOP_S:g} s", fix="give fewer inputs at a time"
        ) from error
    finally:
        timer.cancel()
