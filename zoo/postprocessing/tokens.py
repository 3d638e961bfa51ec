"""The token that follows a text: softmax at its last token, and the state to go on from there."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import spox
import spox.opset.ai.onnx.v20 as op

from zoo.contracts.targets import SCORES, Tokens
from zoo.contracts.tensors import TensorSpec


def answers(
    target: Tokens, scores: dict[str, spox.Var], carried: dict[str, spox.Var], fitted: Mapping[str, Any]
) -> dict[str, spox.Var]:
    """``probabilities`` ``[batch, vocabulary]`` of the token after each text's last one."""
    (tokens,) = carried.values()
    last = op.max([op.sub(_num_tokens(tokens), _integer(1)), _integer(0)])
    places = op.unsqueeze(op.unsqueeze(last, _integer([1])), _integer([2]))
    width = op.gather(op.shape(scores[SCORES]), _integer([2]))
    spread = op.expand(places, op.concat([_integer([1, 1]), width], axis=0))
    logits = op.squeeze(op.gather_elements(scores[SCORES], spread, axis=1), _integer([1]))
    return {"probabilities": op.softmax(logits, axis=1)}


def state_names(spec: TensorSpec) -> tuple[str, str]:
    """What a state is called where it goes into the model, and where it comes out."""
    return spec.name, f"next_{spec.name}"


def emitted_name(spec: TensorSpec) -> str:
    """What a state is called where the network emits it."""
    return f"emitted_{spec.name}"


def states(emitted: Mapping[str, spox.Var], carried: Mapping[str, spox.Var]) -> dict[str, spox.Var]:
    """The states after each text, not a number where another text of the batch has more tokens.

    Behind its end a text is padded, and the network's state has moved on over the padding: a wrong state
    that looked like a right one would be continued from.
    """
    if not emitted:
        return {}
    (tokens,) = carried.values()
    num_tokens = _num_tokens(tokens)
    is_longest = op.equal(num_tokens, op.reduce_max(num_tokens, keepdims=1))
    outputs = {}
    for name, state in emitted.items():
        ones = [1] * (len(state.unwrap_tensor().shape or ()) - 1)
        whole = op.reshape(is_longest, _integer([-1, *ones]))
        nothing = op.constant(value=np.array(np.nan, np.float32))
        outputs[name.replace("emitted_", "next_", 1)] = op.where(whole, state, nothing)
    return outputs


def _num_tokens(tokens: spox.Var) -> spox.Var:
    is_token = op.cast(op.not_(op.equal(tokens, _integer(0))), to=np.int64)
    return op.reduce_sum(is_token, _integer([1]), keepdims=0)


def _integer(value: int | list[int]) -> spox.Var:
    return op.constant(value=np.array(value, np.int64))
