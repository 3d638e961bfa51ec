"""Where training runs, and in which precision."""

from contextlib import AbstractContextManager, nullcontext

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


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 where the recipe says so."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
