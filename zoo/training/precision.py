"""In which precision and memory format training runs."""

from contextlib import AbstractContextManager, nullcontext

import torch

_LOWER = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Matrix products in half precision where the recipe says so."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, _LOWER[precision])


def build_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler | None:
    """What keeps gradients of float16 above its smallest number; bfloat16 has float32's range."""
    return torch.amp.GradScaler(device.type) if precision == "fp16" else None


def choose_format(given: str, device: torch.device, precision: str) -> torch.memory_format:
    """The memory format of pictures and filters.

    ``auto`` takes channels last where the products are in half precision: the order that PyTorch recommends
    for them. ``python -m benchmarks.precision`` measures both together.
    """
    is_last = given == "channels_last" or (
        given == "auto" and precision != "float32" and device.type in ("cpu", "cuda")
    )
    return torch.channels_last if is_last else torch.contiguous_format


def lay_out(network: torch.nn.Module, memory_format: torch.memory_format) -> None:
    """Puts the filters of pictures into this order, and those of clips into the one that is its like."""
    is_last = memory_format == torch.channels_last
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() in (4, 5):
            own = torch.channels_last_3d if is_last and tensor.dim() == 5 else memory_format
            # Not ``contiguous``: filters of one channel are so either way, and their strides then tell the
            # layer to answer in the other order.
            tensor.data = torch.empty_like(tensor.data, memory_format=own).copy_(tensor.data)


def describe(given: str, device: torch.device, precision: str) -> str:
    """What was chosen besides the ordinary, in one line; empty where nothing was."""
    memory_format = choose_format(given, device, precision)
    if precision == "float32" and memory_format == torch.contiguous_format:
        return ""
    return (
        f"{precision} on {device.type}, {str(memory_format).removeprefix('torch.').removesuffix('_format')}"
    )
