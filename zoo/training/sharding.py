"""Networks whose weights, gradients and optimizer state are spread over processes (FSDP2), and their files.

Each process writes what it holds, as safetensors, by ``torch.distributed.checkpoint``. The files are read
back as whole tensors, so a run goes on in any number of processes. PyTorch's own modules for this are
imported when they are needed, which is seldom: they take as long as half of PyTorch.
"""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from zoo.errors import EnvironmentFault

Tensors = Mapping[str, torch.Tensor]


def shard(module: torch.nn.Module, device: torch.device, num_processes: int) -> None:
    """Spreads a network: each of its blocks is gathered when it is called, and let go again."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # Views are what linear layers of many networks return; nothing here writes into them.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
    mesh = init_device_mesh(device.type, (num_processes,))
    for block in _blocks(module):
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)


def is_spread(tensor: torch.Tensor) -> bool:
    """Whether this process holds only a part of it."""
    return hasattr(tensor, "to_local")


def are_spread(tensors: Tensors) -> bool:
    """Whether one of them is."""
    return any(is_spread(tensor) for tensor in tensors.values())


def local(tensors: list[Any]) -> list[torch.Tensor]:
    """What this process holds of each, in the same memory."""
    return [tensor.to_local() if is_spread(tensor) else tensor for tensor in tensors]


def whole(tensor: Any) -> torch.Tensor:
    """A tensor that may be spread, gathered from all processes."""
    gathered: torch.Tensor = tensor.full_tensor() if is_spread(tensor) else tensor
    return gathered


def spread_like(tensor: torch.Tensor, example: Any) -> torch.Tensor:
    """A whole tensor, which every process has, spread as another one is."""
    if not is_spread(example) or tensor.shape != example.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor, example.device_mesh, example.placements, src_data_rank=None)


def load_state(module: torch.nn.Module, tensors: Tensors) -> None:
    """Whole tensors into a network, whether it is spread or not."""
    if not are_spread(dict(module.named_parameters())):
        module.load_state_dict(tensors)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(module, dict(tensors), options=StateDictOptions(full_state_dict=True))


def write(folder: Path, tensors: Tensors) -> None:
    """Writes what every process holds; all of them call it, with the same names.

    Raises:
        EnvironmentFault: One of them cannot write its part.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    try:
        save(dict(tensors), storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))
    except CheckpointException as error:
        rank, (cause, _) = next(iter(error.failures.items()))
        raise EnvironmentFault(
            f"process {rank} cannot write its part of {folder}: {cause}",
            fix="make room or choose another folder; the checkpoints before this one are whole",
        ) from error


def read(folder: Path) -> dict[str, torch.Tensor]:
    """The whole tensors of a folder, in any number of processes."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    described: Mapping[str, Any] = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    tensors = {name: torch.empty(each.size, dtype=each.properties.dtype) for name, each in described.items()}
    with warnings.catch_warnings():
        # That it reads all of it by itself is what is meant.
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        load(tensors, storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=True)
    return tensors


def _blocks(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The largest parts that are called as a whole."""
    for child in module.children():
        if isinstance(child, torch.nn.Sequential | torch.nn.ModuleList | torch.nn.ModuleDict):
            yield from _blocks(child)
        elif any(True for _ in child.parameters()):
            yield child
