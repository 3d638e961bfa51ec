"""Looks at the bytes of an ONNX file before ONNX Runtime does: what no model of Zoo holds is refused.

Only the skeleton is walked (protobuf wire format, onnx.proto3); weights are stepped over, so that the time
grows with the number of nodes. No protobuf library is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_NODES = 50_000
MAX_DEPTH = 8
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT = 10
# Field numbers of onnx.proto3.
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE = 4, 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_SPARSE_TENSORS = (1, 2)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_LOOPS = (b"Loop", b"Scan")

Field = tuple[int, int, int]
"""A field's number, and where its content begins and ends."""


@dataclass
class Inspection:
    """What was found.

    Attributes:
        num_nodes: Nodes of the graph and of the graphs within it.
        has_loops: Whether a node could repeat others without end.
    """

    num_nodes: int = 0
    has_loops: bool = False


def inspect(model: bytes) -> Inspection:
    """The skeleton of a serialized ``ModelProto``.

    Raises:
        ValueError: The bytes are no such message, or the model keeps weights in other files, defines
            functions of its own, or has more nodes or graphs within graphs than any network.
    """
    found = Inspection()
    view = memoryview(model)
    for number, start, end in _fields(view, 0, len(view)):
        if number == _MODEL_GRAPH:
            _graph(view, start, end, found, depth=1)
        elif number in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise ValueError("it defines functions of its own")
    return found


def _graph(view: memoryview, start: int, end: int, found: Inspection, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"its graphs are nested deeper than {MAX_DEPTH} levels")
    for number, first, last in _fields(view, start, end):
        if number == _GRAPH_NODE:
            _node(view, first, last, found, depth)
        elif number == _GRAPH_INITIALIZER:
            _tensor(view, first, last)
        elif number == _GRAPH_SPARSE:
            _sparse(view, first, last)


def _node(view: memoryview, start: int, end: int, found: Inspection, depth: int) -> None:
    found.num_nodes += 1
    if found.num_nodes > MAX_NODES:
        raise ValueError(f"it has more than {MAX_NODES:,} nodes")
    for number, first, last in _fields(view, start, end):
        if number == _NODE_OPERATOR:
            found.has_loops |= bytes(view[first:last]) in _LOOPS
        elif number == _NODE_ATTRIBUTE:
            _attribute(view, first, last, found, depth)


def _attribute(view: memoryview, start: int, end: int, found: Inspection, depth: int) -> None:
    for number, first, last in _fields(view, start, end):
        if number in _ATTRIBUTE_GRAPHS:
            _graph(view, first, last, found, depth + 1)
        elif number in _ATTRIBUTE_TENSORS:
            _tensor(view, first, last)
        elif number in _ATTRIBUTE_SPARSE:
            _sparse(view, first, last)


def _sparse(view: memoryview, start: int, end: int) -> None:
    for number, first, last in _fields(view, start, end):
        if number in _SPARSE_TENSORS:
            _tensor(view, first, last)


def _tensor(view: memoryview, start: int, end: int) -> None:
    for number, first, last in _fields(view, start, end):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and any(view[first:last])):
            raise ValueError("it keeps weights in other files")


def _fields(view: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of a message; content of any other wire type is stepped over."""
    place = start
    while place < end:
        tag, place = _varint(view, place, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _, stop = _varint(view, place, end)
        elif wire == _BYTES:
            length, place = _varint(view, place, end)
            stop = place + length
        elif wire in _FIXED:
            stop = place + _FIXED[wire]
        else:
            raise ValueError(f"byte {place} begins no field of protobuf")
        if stop > end or number == 0:
            raise ValueError(f"byte {place} begins a field that ends outside its message")
        yield number, place, stop
        place = stop


def _varint(view: memoryview, place: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the place behind it."""
    value = 0
    for shift, byte in enumerate(view[place : min(end, place + _LONGEST_VARINT)]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place + shift + 1
    raise ValueError(f"byte {place} begins a number that does not end")
