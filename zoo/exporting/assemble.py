"""One model from three graphs: preprocessing, network, postprocessing."""

import onnx
from onnx import GraphProto, ModelProto
from onnx.inliner import inline_local_functions

from zoo.errors import ZooError
from zoo.preprocessing.graphs import OPSET, chain

_NEWEST_ML_OPSET = 4
_BATCH = "batch"


def assemble(preprocessing: ModelProto, network: ModelProto, postprocessing: ModelProto) -> ModelProto:
    """Puts a network between its preprocessing and its postprocessing.

    Tensors connect by name. What the network emits keeps its names, and its types in ``value_info``, so
    that a copy can expose it as an output. Inputs of the network that preprocessing does not yield, the
    states of a language model, are inputs of the whole.

    Args:
        preprocessing: Raw inputs to encoded ones, and to what goes past the network.
        network: Encoded inputs to scores, of opset 20.
        postprocessing: Scores, and what was carried past, to answers.

    Returns:
        Raw inputs to answers, the batch axis named ``"batch"``, without any metadata, checked.

    Raises:
        ZooError: The parts do not fit together, or the result is not a valid model.
    """
    stages = [
        ("preprocessing", preprocessing),
        ("network", inline_local_functions(network)),
        ("postprocessing", postprocessing),
    ]
    _check_connections(*(model.graph for _, model in stages))
    model = chain(stages)
    _strip(model.graph)
    _check_versions(model)
    model.producer_name = "zoo"
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    try:
        for _, stage in stages[1:]:
            onnx.checker.check_model(stage, full_check=True)
        # onnx infers no types behind an operator of ONNX Runtime's own (it crashes); a session does.
        onnx.checker.check_model(model, full_check=_is_standard(model))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ZooError(f"the assembled model is not valid: {error}") from error
    return model


def _check_connections(preprocessing: GraphProto, network: GraphProto, postprocessing: GraphProto) -> None:
    encoded = {value.name for value in preprocessing.output}
    emitted = {value.name for value in network.output}
    states = {value.name for value in network.input if value.name.startswith("state_")}
    wanted = {value.name for value in network.input} - states
    needed = {value.name for value in postprocessing.input}
    if not wanted <= encoded:
        raise ZooError(
            f"the network was exported with inputs {sorted(wanted)}; preprocessing gives {sorted(encoded)}"
        )
    if unused := encoded - wanted - needed:
        raise ZooError(f"the network was exported without its inputs {sorted(unused)}")
    if missing := needed - encoded - emitted:
        raise ZooError(
            f"the network was exported with outputs {sorted(emitted)}; {sorted(missing)} is expected"
        )


def _is_standard(model: ModelProto) -> bool:
    return all(entry.domain in ("", "ai.onnx", "ai.onnx.ml") for entry in model.opset_import)


def _check_versions(model: ModelProto) -> None:
    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    if versions["ai.onnx"] != OPSET or versions.get("ai.onnx.ml", 0) > _NEWEST_ML_OPSET:
        raise ZooError(f"the network was exported with opsets {versions}; ai.onnx {OPSET} is expected")


def _strip(graph: GraphProto) -> None:
    """Removes what a reader of the file does not need: exporters leave local paths there."""
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in graph.node:
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _strip(body)
