"""One model from three graphs: preprocessing, network, postprocessing."""

import onnx
from onnx import GraphProto, ModelProto
from onnx.inliner import inline_local_functions

from zoo.errors import ZooError
from zoo.preprocessing.encoding import SCORES
from zoo.preprocessing.graphs import OPSET, chain

_NEWEST_ML_OPSET = 4
_BATCH = "batch"


def assemble(preprocessing: ModelProto, network: ModelProto, postprocessing: ModelProto) -> ModelProto:
    """Puts a network between its preprocessing and its postprocessing.

    Tensors connect by name. The scores keep the name ``"scores"`` and their type in ``value_info``, so
    that a copy can expose them as an output.

    Args:
        preprocessing: Raw inputs to encoded ones.
        network: Encoded inputs to ``scores``, of opset 20.
        postprocessing: ``scores`` to answers.

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
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ZooError(f"the assembled model is not valid: {error}") from error
    return model


def _check_connections(preprocessing: GraphProto, network: GraphProto, postprocessing: GraphProto) -> None:
    encoded = [value.name for value in preprocessing.output]
    wanted = [value.name for value in network.input]
    if set(wanted) != set(encoded):
        raise ZooError(f"the network was exported with inputs {wanted}; preprocessing gives {encoded}")
    scores = [value.name for value in network.output]
    if scores != [SCORES]:
        raise ZooError(f"the network was exported with outputs {scores}; {[SCORES]} is expected")


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
