"""A layer run over its steps: by torch, and in an exported graph by ONNX's own operator.

``torch.onnx`` has no dynamic length for ``nn.RNN``, and for ``nn.LSTM`` and ``nn.GRU`` one whose result is
said to have the length of the example. So the layer names ONNX's operator itself, which is also the one
that runtimes have a fast kernel for.
"""

from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]

# Where ONNX wants the gates that torch has as (i, f, g, o) and (r, z, n): i, o, f, g and z, r, n.
_GATES = {"RNN": (0,), "LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}


def run(cell: nn.RNNBase, features: Tensor, state: State = ()) -> tuple[Tensor, State]:
    """States ``[batch, length, units]`` after each step, and what to go on from after the last.

    Args:
        cell: A layer of one direction.
        features: ``[batch, length, features]``.
        state: What to start from, ``[batch, units]`` each; zeros if none is given.
    """
    if torch.onnx.is_in_onnx_export():
        return _named(cell, features, state or zeros(cell, features))
    # cuDNN refuses a state with gaps, such as one layer's part of all layers'.
    before = tuple(each.unsqueeze(0).contiguous() for each in state)
    states, after = cell(features, before if len(before) > 1 else next(iter(before), None))
    return states, tuple(each.squeeze(0) for each in (after if isinstance(after, tuple) else (after,)))


def zeros(cell: nn.RNNBase, features: Tensor) -> State:
    """The state before any step, ``[batch, units]`` each."""
    zero = features.new_zeros(features.shape[0], cell.hidden_size)
    return (zero,) * num_states(cell)


def num_states(cell: nn.RNNBase) -> int:
    """Two for a long short-term memory, whose cells have a content beside what they emit; else one."""
    return 2 if isinstance(cell, nn.LSTM) else 1


def _named(cell: nn.RNNBase, features: Tensor, state: State) -> tuple[Tensor, State]:
    """The operator ``RNN``, ``LSTM`` or ``GRU``, whose tensors have the steps first and then the direction."""
    operator = "RNN" if isinstance(cell, nn.RNN) else cell.mode
    order = _GATES[operator]
    weights = {name: _in_order(parameter, order) for name, parameter in cell.named_parameters()}
    biases = torch.cat([weights["bias_ih_l0"], weights["bias_hh_l0"]], dim=1)
    initial = tuple(each.unsqueeze(0) for each in state)
    shape = (features.shape[1], 1, features.shape[0], cell.hidden_size)
    states, *after = torch.onnx.ops.symbolic_multi_out(
        operator,
        (features.transpose(0, 1), weights["weight_ih_l0"], weights["weight_hh_l0"], biases, None, *initial),
        _attributes(cell),
        dtypes=[features.dtype] * (1 + len(initial)),
        shapes=[shape, *(shape[1:] for _ in initial)],
    )
    return states.squeeze(1).transpose(0, 1), tuple(each.squeeze(0) for each in after)


def _in_order(parameter: Tensor, order: tuple[int, ...]) -> Tensor:
    """Rows gate by gate in ONNX's order, ``[direction, gates x units, ...]``."""
    # Slices are folded into the graph's constants, a split is not.
    size = parameter.shape[0] // len(order)
    return torch.cat([parameter[place * size : (place + 1) * size] for place in order]).unsqueeze(0)


def _attributes(cell: nn.RNNBase) -> dict[str, Any]:
    attributes: dict[str, Any] = {"hidden_size": cell.hidden_size}
    if isinstance(cell, nn.RNN):
        attributes["activations"] = [cell.nonlinearity.capitalize()]
    if isinstance(cell, nn.GRU):
        attributes["linear_before_reset"] = 1
    return attributes
