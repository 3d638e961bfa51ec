"""Where training runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from zoo.errors import EnvironmentFault


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes cuda, then mps, then cpu.

    Raises:
        EnvironmentFault: The machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in available.items() if is_there)
    if not available[name]:
        present = " or ".join(device for device, is_there in available.items() if is_there)
        raise EnvironmentFault(
            f"device={name}: there is no such device here", fix=f"use device=auto or {present}"
        )
    return torch.device(name)


@contextmanager
def determinism(device: torch.device, *, is_asked: bool) -> Iterator[None]:
    """Same inputs, same bits: always on the CPU, where it costs nothing; on others if it is asked for.

    Where PyTorch knows no deterministic way it raises an error in the step.
    """
    if not is_asked and device.type != "cpu":
        yield
        return
    # Read when cuBLAS is first used; without it products on several streams may differ.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    settings: Any = torch.utils.deterministic
    before = torch.get_deterministic_debug_mode(), settings.fill_uninitialized_memory
    # use_deterministic_algorithms says the same, and imports the compiler to tell it so too.
    torch.set_deterministic_debug_mode("error")
    # Memory that is never read need not be filled.
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        settings.fill_uninitialized_memory = before[1]
