"""ONNX graphs that every supported ONNX Runtime loads: built, chained, cut and opened."""

from collections.abc import Iterable, Sequence

import onnx
import onnxruntime
import spox
from onnx import GraphProto, ModelProto, ValueInfoProto
from onnx.utils import Extractor

OPSET = 20
IR_VERSION = 8
"""ONNX Runtime 1.17 reads up to opset 20 and, like every later one, this version of the file format."""


def build(inputs: dict[str, spox.Var], outputs: dict[str, spox.Var]) -> ModelProto:
    """Builds a model of opset 20 from Spox variables named as given."""
    model = spox.build(inputs, outputs)
    model.ir_version = IR_VERSION
    for entry in model.opset_import:
        # Spox declares the newest operator used; all of them come from its module of opset 20.
        entry.version = OPSET if entry.domain in ("", "ai.onnx") else entry.version
    return model


def chain(stages: Sequence[tuple[str, ModelProto]], outputs: Sequence[str] | None = None) -> ModelProto:
    """Connects models one after another: a stage's inputs are the outputs of that name before it.

    The inputs and outputs of each stage keep their names, and the connecting ones their types; all
    other names are prefixed with the stage's own, so that nothing collides. An input that no stage before
    yields is an input of the whole.

    Args:
        stages: Names and models, first to last. They have no model-local functions.
        outputs: Outputs of the whole; those of the last stage by default.
    """
    models = [(name, _copy(model)) for name, model in stages]
    joined = GraphProto(name="zoo")
    known: dict[str, ValueInfoProto] = {}
    for name, model in models:
        _prefix(model.graph, f"{name}/", keep={value.name for value in _ends(model.graph)})
        joined.node.extend(model.graph.node)
        joined.initializer.extend(model.graph.initializer)
        joined.input.extend(value for value in model.graph.input if value.name not in known)
        known |= {value.name: value for value in _ends(model.graph)}
    chosen = list(outputs) if outputs is not None else [each.name for each in models[-1][1].graph.output]
    joined.output.extend(known[name] for name in chosen)
    at_ends = {value.name for value in _ends(joined)}
    joined.value_info.extend(value for name, value in known.items() if name not in at_ends)
    opsets: dict[str, int] = {}
    for entry in (entry for _, model in models for entry in model.opset_import):
        opsets[entry.domain] = max(entry.version, opsets.get(entry.domain, 0))
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in sorted(opsets.items())]
    return ModelProto(ir_version=IR_VERSION, opset_import=imports, graph=joined)


def cut(model: ModelProto, inputs: Iterable[str], outputs: Iterable[str]) -> ModelProto:
    """The part of a model between named tensors."""
    return Extractor(model).extract_model(list(inputs), list(outputs))


def open_session(model: ModelProto, *, num_threads: int = 0) -> onnxruntime.InferenceSession:
    """A CPU session; 0 threads leave the number to ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    # Idle threads that spin would take the cores from the network being trained.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _ends(graph: GraphProto) -> list[ValueInfoProto]:
    return [*graph.input, *graph.output]


def _prefix(graph: GraphProto, prefix: str, keep: set[str]) -> None:
    def renamed(name: str) -> str:
        return prefix + name if name and name not in keep else name

    for tensor in (*graph.initializer, *_ends(graph)):
        tensor.name = renamed(tensor.name)
    del graph.value_info[:]
    for node in graph.node:
        node.name = node.name and prefix + node.name
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
        for attribute in node.attribute:
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _prefix(body, prefix, keep)
