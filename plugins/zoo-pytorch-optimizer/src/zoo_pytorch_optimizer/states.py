"""State dicts that are whole and plain, so that a resumed run goes on in the same bytes.

Some of the library's optimizers keep counters as attributes, projections as objects, or functions in their
parameter groups: none of these is in PyTorch's state dict as plain data.
"""

from collections import deque
from typing import Any

import torch
from pytorch_optimizer.optimizer.utils import graft
from pytorch_optimizer.optimizer.utils.galore import GaLoreProjector
from pytorch_optimizer.optimizer.utils.partition import BlockPartitioner
from pytorch_optimizer.optimizer.utils.preconditioner import PreConditioner

_GRAFTS = (graft.Graft, graft.SGDGraft, graft.SQRTNGraft, graft.AdaGradGraft, graft.RMSPropGraft)
_OBJECTS: dict[str, type] = {
    kind.__name__: kind for kind in (BlockPartitioner, GaLoreProjector, PreConditioner, *_GRAFTS)
}
_OBJECT = "object of pytorch-optimizer"
_ATTRIBUTES = "attributes"
_PLAIN = (bool, int, float, str, type(None), torch.dtype)
# What the state dict of PyTorch holds, or what is no state.
_APART = {"defaults", "param_groups", "state", "optimizer", "base_optimizer", "model"}


class Complete:
    """Comes before an optimizer of the library among a class's ancestors."""

    def remember(self) -> None:
        """Keeps in mind how the optimizer was made: of its attributes, state is what differs from it."""
        self._made_with = self._attributes()

    def state_dict(self) -> dict[str, Any]:
        """The state dict of the class, as plain data, with the attributes that changed."""
        state: dict[str, Any] = _to_plain(super().state_dict())  # type: ignore[misc]
        made_with = self._made_with
        changed = {
            name: value
            for name, value in self._attributes().items()
            if name not in made_with or not _are_same(value, made_with[name])
        }
        return {**state, _ATTRIBUTES: changed} if changed else state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what ``state_dict`` gave."""
        groups: Any = self.param_groups  # type: ignore[attr-defined]
        device = groups[0]["params"][0].device
        unwritten = [{key: each for key, each in group.items() if _is_code(each)} for group in groups]
        state = dict(state_dict)
        changed = state.pop(_ATTRIBUTES, {})
        super().load_state_dict(_from_plain(state, device))  # type: ignore[misc]
        for group, kept in zip(self.param_groups, unwritten, strict=True):  # type: ignore[attr-defined]
            group.update(kept)
        for name, value in changed.items():
            setattr(self, name, _from_plain(value, device))

    def _attributes(self) -> dict[str, Any]:
        """Attributes that are plain data, copied."""
        return {
            name: _to_plain(value, copies=True)
            for name, value in vars(self).items()
            if name not in _APART and not name.startswith("_") and _is_plain(value)
        }


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and _is_plain(each) for key, each in value.items())
    if isinstance(value, list | tuple | deque):
        return all(_is_plain(each) for each in value)
    return isinstance(value, (*_PLAIN, torch.Tensor)) or type(value).__name__ in _OBJECTS


def _is_code(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | torch.Tensor | torch.dtype)


def _to_plain(value: Any, *, copies: bool = False) -> Any:
    """The value with objects of the library as dictionaries, and functions as ``None``."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone() if copies else value
    if isinstance(value, dict):
        return {key: _to_plain(each, copies=copies) for key, each in value.items()}
    if isinstance(value, deque):
        return deque((_to_plain(each, copies=copies) for each in value), value.maxlen)
    if isinstance(value, list | tuple):
        items = [_to_plain(each, copies=copies) for each in value]
        return items if isinstance(value, list) else tuple(items)
    if type(value).__name__ in _OBJECTS:
        return {_OBJECT: type(value).__name__, **_to_plain(vars(value), copies=copies)}
    return None if _is_code(value) else value


def _from_plain(value: Any, device: torch.device) -> Any:
    """The other way; objects' tensors are put on the device."""
    if isinstance(value, dict):
        held = {key: _from_plain(each, device) for key, each in value.items() if key != _OBJECT}
        if _OBJECT not in value:
            return held
        made = object.__new__(_OBJECTS[value[_OBJECT]])
        vars(made).update({key: _on(each, device) for key, each in held.items()})
        return made
    if isinstance(value, deque):
        return deque((_from_plain(each, device) for each in value), value.maxlen)
    if isinstance(value, list | tuple):
        items = [_from_plain(each, device) for each in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def _on(value: Any, device: torch.device) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_on(each, device) for each in value)
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _are_same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        is_both = isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
        return is_both and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple | deque) and type(one) is type(other):
        return len(one) == len(other) and all(map(_are_same, one, other))
    return bool(type(one) is type(other) and one == other)
