"""The one module that knows ``torch.onnx``: a network becomes an ONNX graph, in a process of its own.

The exporter keeps state between calls (a second recurrent network of one process may fail to export) and
replaces functions of torch while it works, so ``trace`` runs ``python -m zoo.exporting.network`` anew each
time. Nothing here is trusted: whatever comes out is certified.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from onnx import ModelProto
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph
from torch import Tensor, nn
from torch.nn import functional

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError, EnvironmentFault, PluginError, UsageError, ZooError
from zoo.postprocessing.tokens import emitted_name
from zoo.runs import Run
from zoo.runtime.sessions import why_no_file

OPSET = 20
_TRACED_LENGTH = 5
UNOPTIMIZED = "zoo.unoptimized"
"""Marks a graph that ONNX Runtime takes only as torch traced it."""

_FATAL = 4
_EXPLAINED = "zoo-error "
_KINDS: tuple[type[ZooError], ...] = (ArtifactError, EnvironmentFault, PluginError, UsageError, ZooError)
_ERRORS = {kind.exit_code: kind for kind in _KINDS}


def trace(run: Run) -> ModelProto:
    """The network of a run's best checkpoint as an ONNX graph, encoded inputs to ``scores``.

    Raises:
        ZooError: What stopped the process, as if it had been raised here.
        PluginError: ``torch.onnx`` cannot export the network; its last line says why.
        EnvironmentFault: The process was killed.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        output = Path(folder) / "network.onnx"
        command = [sys.executable, "-P", "-m", __name__, str(run.path), str(output)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
        if result.returncode != 0:
            raise _failure(result)
        return onnx.load_model(output, load_external_data=False)


def export_network(network: nn.Module, encoded: Signature) -> ModelProto:
    """Exports a network in the mode it is in, with a dynamic batch axis.

    Args:
        network: On the CPU; takes the encoded inputs in their order.
        encoded: Names and shapes of its inputs.

    Raises:
        UsageError: The weights do not fit into one file.
    """
    if reason := why_no_file(sum(tensor.nbytes for tensor in network.state_dict().values())):
        raise UsageError(reason, fix="choose a smaller network")
    graph = _graph(network, encoded)
    if not _loads(graph):
        graph = _graph(network, encoded, optimize=False)
        graph.metadata_props.add(key=UNOPTIMIZED, value="true")
    return graph


def _graph(network: nn.Module, encoded: Signature, *, optimize: bool = True) -> ModelProto:
    inputs = (*encoded.inputs, *state_specs(network, encoded))
    examples = tuple(_example(spec) for spec in inputs)
    with _plain_attention(), warnings.catch_warnings():
        # With several inputs torch says that their axes of one name are one.
        warnings.filterwarnings("ignore", message="# The axis name")
        program = torch.onnx.export(
            _Positional(network),
            examples,
            dynamo=True,
            opset_version=OPSET,
            input_names=[spec.name for spec in inputs],
            output_names=[*(spec.name for spec in encoded.outputs), *_emitted_names(network, encoded)],
            dynamic_shapes=(tuple(_dynamic_axes(spec) for spec in inputs),),
            optimize=optimize,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _loads(graph: ModelProto) -> bool:
    """Whether ONNX Runtime takes the graph: torch's optimizer of graphs now and then leaves out a node."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, _FATAL
    try:
        onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidGraph):
        return False
    return True


def state_specs(network: nn.Module, encoded: Signature) -> tuple[TensorSpec, ...]:
    """What a network that predicts tokens hands from one text to the next: ``state_0`` and so on.

    Raises:
        PluginError: It has no state to begin with, or one that is not zero.
    """
    if not isinstance(encoded.target, Tokens):
        return ()
    begin = getattr(network, "initial_state", None)
    state = begin(1) if callable(begin) else None
    if not isinstance(state, tuple) or any(each.any() for each in state):
        raise PluginError(
            "the network predicts tokens, but has no initial_state(batch_size) that is a tuple of zeros",
            fix="report it to the network's author",
        )
    return tuple(
        TensorSpec(f"state_{place}", "state", str(each.dtype).removeprefix("torch."), tuple(each.shape[1:]))
        for place, each in enumerate(state)
    )


def _emitted_names(network: nn.Module, encoded: Signature) -> list[str]:
    return [emitted_name(spec) for spec in state_specs(network, encoded)]


def _dynamic_axes(spec: TensorSpec) -> dict[int, str]:
    """The batch, and every axis whose length varies."""
    axes = {1 + place: f"length_{place}" for place, size in enumerate(spec.shape) if size is None}
    return {0: "batch", **axes}


class _Positional(nn.Module):
    """Hides the parameter names of ``forward``, which would have to be known for dynamic shapes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.training = network.training

    def forward(self, *inputs: Tensor) -> Any:
        return self.network(*inputs)


def _example(spec: TensorSpec) -> Tensor:
    # Two examples of a few steps: an axis of length 1 could be taken for a broadcast.
    shape = (2, *(_TRACED_LENGTH if size is None else size for size in spec.shape))
    if spec.kind == "lengths":
        return torch.tensor([_TRACED_LENGTH, _TRACED_LENGTH - 1])
    if spec.num_values is None:
        return torch.rand(shape, dtype=getattr(torch, spec.dtype))
    return torch.ones(shape, dtype=torch.int64)


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """Spells attention out: the exporter refuses the fused one for more than four axes and most masks."""
    fused = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _attention
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = fused


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Softmax of scaled products (Vaswani et al. 2017, eq. 1), with torch's parameters."""
    if enable_gqa:
        key, value = (each.repeat_interleave(query.size(-3) // each.size(-3), -3) for each in (key, value))
    scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.size(-1)))
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        is_choice = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if is_choice else scores + attn_mask
    return functional.dropout(scores.softmax(-1), dropout_p) @ value


def _failure(result: subprocess.CompletedProcess[str]) -> ZooError:
    if result.returncode < 0:
        return EnvironmentFault(
            f"the export of the network was ended by signal {-result.returncode}",
            fix="it may have run out of memory: close other programs and export again",
        )
    if result.stdout.startswith(_EXPLAINED):
        explained = json.loads(result.stdout.removeprefix(_EXPLAINED))
        kind = _ERRORS.get(result.returncode, ZooError)
        return kind(explained["message"], fix=explained["fix"])
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    return PluginError(
        f"the network cannot be exported: {lines[-1] if lines else 'no reason was given'}",
        fix="report it to the network's author: its forward must be one that torch.export can follow",
    )


def _main(run_path: str, output: str) -> int:
    from zoo.registry import Registry
    from zoo.training import trained

    try:
        network = trained.load_network(Run(Path(run_path)), Registry.discover())
        with contextlib.redirect_stdout(sys.stderr):
            graph = export_network(network.module, network.preprocessing.encoded)
        onnx.save_model(graph, output)
    except ZooError as error:
        sys.stdout.write(_EXPLAINED + json.dumps({"message": error.message, "fix": error.fix}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
