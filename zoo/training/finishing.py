"""The last stage of a preprocessing graph, replayed with torch where the network runs.

It is read from the graph that ships, operator by operator, so there is nothing that could drift from it;
on the CPU the result equals ONNX Runtime's bit for bit. A batch of pictures crosses to a GPU, or stays
there, as the bytes that are kept, and not as the floats that they become.
"""

from collections.abc import Callable
from functools import partial, reduce

import torch
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from zoo.errors import ArtifactError

Step = Callable[[torch.Tensor], torch.Tensor]


def replay(model: ModelProto, device: torch.device) -> Step:
    """What a graph of one input and one output, a chain of operators, does to a tensor.

    The tensor is used up: what can be done in place is, since new memory for large pictures costs more than
    the arithmetic.

    Raises:
        ArtifactError: It holds an operator that no last stage of Zoo's has.
    """
    constants = {each.name: _tensor(each, device) for each in model.graph.initializer}
    steps: list[Step] = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _tensor(node.attribute[0].t, device)
        elif node.op_type != "Identity":
            steps.append(_step(node, [constants[name] for name in node.input if name in constants]))
    return partial(_through, tuple(steps))


def _through(steps: tuple[Step, ...], tensor: torch.Tensor) -> torch.Tensor:
    return reduce(lambda value, step: step(value), steps, tensor)


def _step(node: NodeProto, constants: list[torch.Tensor]) -> Step:
    match node.op_type, constants:
        case "Transpose", []:
            return partial(torch.permute, dims=tuple(node.attribute[0].ints))
        case "Cast", [] if node.attribute[0].i == TensorProto.FLOAT:
            return _floats
        case "Sub", [subtrahend]:
            return partial(torch.Tensor.sub_, other=subtrahend)
        case "Mul", [factor]:
            return partial(torch.Tensor.mul_, other=factor)
        case "Reshape", [shape] if shape.tolist()[:1] == [0] and len(shape) == 2:
            return partial(torch.flatten, start_dim=1)
    raise ArtifactError(
        f"the last stage of this preprocessing graph has an operator {node.op_type!r} that none of Zoo's has",
        fix="the run's preprocessing.onnx is damaged; train again, or restore the file",
    )


def _floats(tensor: torch.Tensor) -> torch.Tensor:
    # Contiguous, as ONNX Runtime has it: a transposed picture would stay channels-last otherwise.
    return tensor.to(torch.float32, memory_format=torch.contiguous_format)


def _tensor(constant: TensorProto, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(numpy_helper.to_array(constant).copy()).to(device)
