"""Nested state as plain data for strict JSON, with its tensors apart; and back."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]
_DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}


def flatten(tree: Any, tensors: Tensors, prefix: str) -> Any:
    """Plain data for JSON, with every tensor moved into ``tensors`` under a name.

    Raises:
        TypeError: The tree holds something that is neither plain data nor a tensor.
    """
    if isinstance(tree, torch.Tensor):
        # Keys with dots of their own can lead two ways to one name.
        name = prefix if prefix not in tensors else f"{prefix}#{len(tensors)}"
        tensors[name] = tree
        # Arithmetic on a matrix that lies in memory by columns rounds otherwise than on one by rows.
        return {"tensor": name} if tree.is_contiguous() else {"permuted": [name, _order(tree)]}
    if isinstance(tree, Mapping):
        return {"map": [[key, flatten(value, tensors, f"{prefix}.{key}")] for key, value in tree.items()]}
    if isinstance(tree, list | tuple | deque):
        items = [flatten(value, tensors, f"{prefix}.{i}") for i, value in enumerate(tree)]
        if isinstance(tree, deque):
            return {"deque": [tree.maxlen, items]}
        return {"list" if isinstance(tree, list) else "tuple": items}
    if isinstance(tree, torch.dtype):
        return {"dtype": str(tree)}
    if isinstance(tree, float):
        return {"float": tree.hex()}  # exact, and the one way to write infinity in strict JSON
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    raise TypeError(f"state {prefix} is a {type(tree).__name__}; checkpoints hold tensors and plain data")


def unflatten(document: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """What ``flatten`` was given."""
    if not isinstance(document, dict):
        return document
    [(kind, content)] = document.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "permuted":
        return _laid(tensors[content[0]], content[1])
    if kind == "map":
        # A key that is a tuple has become a list.
        return {
            tuple(key) if isinstance(key, list) else key: unflatten(value, tensors) for key, value in content
        }
    if kind == "float":
        return float.fromhex(content)
    if kind == "dtype":
        return _DTYPES[content]
    if kind == "deque":
        return deque((unflatten(value, tensors) for value in content[1]), content[0])
    items = [unflatten(value, tensors) for value in content]
    return items if kind == "list" else tuple(items)


def _order(tensor: torch.Tensor) -> list[int]:
    """The axes by their steps in memory, the longest first."""
    return sorted(range(tensor.ndim), key=tensor.stride, reverse=True)


def _laid(tensor: torch.Tensor, order: list[int]) -> torch.Tensor:
    """The same numbers, with the axes in that order in memory."""
    back = sorted(range(len(order)), key=lambda axis: order[axis])
    return tensor.permute(order).contiguous().permute(back)
