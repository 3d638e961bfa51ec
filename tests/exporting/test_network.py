import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from torch import nn

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError, EnvironmentFault, PluginError, UsageError
from zoo.exporting import network
from zoo.exporting.network import export_network
from zoo.runs import Run
from zoo.runtime import sessions


def run_graph(model, **inputs):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["scores"], inputs)[0]


class Attention(nn.Module):
    """Encoder layer with a causal mask: the exporter must not meet the fused attention."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        tokens = x.reshape(-1, 4, 8)
        mask = nn.Transformer.generate_square_subsequent_mask(4)
        return self.head(self.layer(tokens, src_mask=mask, is_causal=True).mean(1))


def test_attention_is_exported_and_agrees_at_other_batch_sizes():
    torch.manual_seed(0)
    module = Attention().eval()
    encoded = Signature(
        (TensorSpec("x", "vector", "float32", (32,)),), Classes(("a", "b")), Classes(("a", "b")).outputs
    )
    graph = export_network(module, encoded)
    for batch in (1, 2, 5):
        x = torch.randn(batch, 32)
        with torch.no_grad():
            np.testing.assert_allclose(run_graph(graph, x=x.numpy()), module(x).numpy(), atol=1e-5)


class Several(nn.Module):
    """Takes a table, does without one of its columns, and answers one number an example."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.embedding = nn.Embedding(5, 1)

    def forward(self, numbers, island, ignored):
        return (self.linear(numbers) + self.embedding(island)).squeeze(1)


def test_every_input_keeps_its_name_even_one_that_is_not_used():
    encoded = Signature(
        (
            TensorSpec("encoded", "table", "float32", (3,)),
            TensorSpec("Größe (m)", "table", "int64", (), 5),
            TensorSpec("ignored", "table", "int64", (), 3),
        ),
        Binary(("no", "yes")),
        Binary(("no", "yes")).outputs,
    )
    module = Several().eval()
    graph = export_network(module, encoded)
    numbers, island = torch.randn(3, 3), torch.tensor([0, 4, 2])
    inputs = {"encoded": numbers.numpy(), "Größe (m)": island.numpy(), "ignored": np.zeros(3, np.int64)}
    with torch.no_grad():
        np.testing.assert_allclose(
            run_graph(graph, **inputs), module(numbers, island, None).numpy(), atol=1e-6
        )
    batches = {
        value.type.tensor_type.shape.dim[0].dim_param for value in (*graph.graph.input, *graph.graph.output)
    }
    assert batches == {"batch"}


def test_weights_that_do_not_fit_into_one_file_are_refused(monkeypatch):
    monkeypatch.setattr(sessions, "MAX_WEIGHT_BYTES", 100)
    encoded = Signature((TensorSpec("x", "vector", "float32", (32,)),), Classes(("a", "b")))
    with pytest.raises(UsageError, match=r"the weights take 0\.0 GB, and one ONNX file holds"):
        export_network(nn.Linear(32, 2).eval(), encoded)


@given(
    heads=st.integers(1, 3),
    shared=st.booleans(),
    mask=st.sampled_from(["none", "bool", "float", "causal"]),
    scale=st.sampled_from([None, 0.25]),
    seed=st.integers(0, 100),
)
def test_attention_spelled_out_equals_torchs_own(heads, shared, mask, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, heads, 5, 4, generator=generator, dtype=torch.float64)
    key_heads = 1 if shared else heads
    key, value = (torch.randn(2, key_heads, 5, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    allowed = torch.ones(5, 5, dtype=torch.bool).tril()
    bias = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    options = {
        "attn_mask": {"bool": allowed, "float": bias}.get(mask),
        "is_causal": mask == "causal",
        "scale": scale,
        "enable_gqa": shared,
    }
    expected = nn.functional.scaled_dot_product_attention(query, key, value, **options)
    torch.testing.assert_close(network._attention(query, key, value, **options), expected)


def ended(returncode, stdout="", stderr=""):
    return subprocess.CompletedProcess([], returncode, stdout, stderr)


@pytest.mark.slow
def test_what_stops_the_process_is_raised_as_it_was(tmp_path):
    with pytest.raises(ArtifactError, match=r"environment\.json cannot be read") as caught:
        network.trace(Run(tmp_path))
    assert caught.value.fix


def test_a_network_that_torch_cannot_export_says_why(monkeypatch, tmp_path):
    stderr = "Traceback ...\ntorch.onnx.ConversionError: no operator aten::strange\n\n"
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: ended(1, stderr=stderr))
    with pytest.raises(
        PluginError, match=r"cannot be exported: .*ConversionError: no operator aten::strange"
    ):
        network.trace(Run(tmp_path))


def test_a_killed_process_is_the_environments_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: ended(-9))
    with pytest.raises(EnvironmentFault, match="ended by signal 9"):
        network.trace(Run(tmp_path))


def test_a_graph_that_lacks_a_node_is_known_not_to_load():
    def graph_of(name):
        ends = [helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [2]) for end in ("x", "y")]
        return helper.make_model(
            helper.make_graph([helper.make_node("Relu", [name], ["y"])], "graph", ends[:1], ends[1:]),
            opset_imports=[helper.make_opsetid("", network.OPSET)],
            ir_version=8,
        )

    assert network._loads(graph_of("x"))
    assert not network._loads(graph_of("left_out"))
