"""The exported graph answers as the network does, at lengths and batch sizes that it was not traced at.

Several networks are exported in one process: ``torch.onnx`` alone fails at the second one.
"""

import onnx
import onnxruntime
import pytest
import torch

from zoo.plugin import Classes, Forecast, Several, Values
from zoo_recurrent.networks import gru, lstm, rnn

pytestmark = [
    pytest.mark.slow,
    # With several inputs torch says that their batch axes are one.
    pytest.mark.filterwarnings("ignore:# The axis name"),
]
LABEL = Classes(("ham", "spam", "other"))
SIZES = [(1, 1), (1, 6), (2, 3), (5, 1), (5, 17)]


class Positional(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *inputs):
        return self.network(*inputs)


def inputs_of(kind, num_examples, num_steps):
    lengths = torch.randint(1, num_steps + 1, (num_examples,))
    lengths[0] = num_steps
    if kind == "series":
        return torch.randn(num_examples, num_steps, 3), lengths
    tokens = torch.randint(1, 9, (num_examples, num_steps))
    return (tokens.masked_fill(torch.arange(num_steps) >= lengths.unsqueeze(1), 0),)


def exported(network, inputs, axes, path):
    for name, parameter in network.named_parameters():
        if "head" in name:
            torch.nn.init.normal_(parameter)
        elif "bias" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    names = [f"input_{place}" for place in range(len(inputs))]
    torch.onnx.export(
        Positional(network).eval(),
        inputs,
        path,
        input_names=names,
        dynamic_shapes=(axes,),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda given: session.run(None, dict(zip(names, (each.numpy() for each in given), strict=True)))


def require_equal(answers, expected):
    expected = expected if isinstance(expected, tuple) else (expected,)
    for answer, tensor in zip(answers, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(answer), tensor, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "kind", "target", "options"),
    [
        (rnn, "tokens", LABEL, {"activation": "tanh", "pooling": "last"}),
        (rnn, "series", LABEL, {"activation": "relu", "pooling": "max"}),
        (lstm, "tokens", LABEL, {"pooling": "attention"}),
        (lstm, "series", Forecast(("a", "b"), 3), {"pooling": "last", "autoregression": 4}),
        (gru, "tokens", Several((LABEL, Values(("length",)))), {"pooling": "mean"}),
        (gru, "series", LABEL, {"pooling": "last", "truncation": 2}),
    ],
)
def test_an_exported_network_answers_the_same_at_other_lengths(
    network, kind, target, options, signature_of, tmp_path
):
    built = network(signature_of(kind, target), layers=2, hidden=6, bidirectional=True, **options)
    axes = ({0: "batch", 1: "length"}, {0: "batch"})
    inputs = inputs_of(kind, 2, 4)
    ask = exported(built, inputs, axes[: len(inputs)], tmp_path / "network.onnx")
    for size in SIZES:
        given = inputs_of(kind, *size)
        require_equal(ask(given), built(*given))


@pytest.mark.parametrize("tie_weights", [False, True])
def test_an_exported_language_model_goes_on_from_any_state(
    network, tie_weights, text, signature_of, tmp_path
):
    built = network(signature_of("tokens", text), layers=2, hidden=6, tie_weights=tie_weights)
    inputs = (*inputs_of("tokens", 2, 4), *built.initial_state(2))
    axes = ({0: "batch", 1: "length"}, *({0: "batch"} for _ in inputs[1:]))
    ask = exported(built, inputs, axes, tmp_path / "network.onnx")
    for num_examples, num_steps in SIZES:
        state = tuple(torch.randn_like(each) for each in built.initial_state(num_examples))
        given = (*inputs_of("tokens", num_examples, num_steps), *state)
        require_equal(ask(given), built(*given))


@pytest.mark.parametrize(("network", "operator"), [(rnn, "RNN"), (lstm, "LSTM"), (gru, "GRU")])
def test_a_layer_is_one_operator_of_the_standard(network, operator, signature_of, tmp_path):
    built = network(signature_of("tokens", LABEL), layers=2, hidden=6)
    exported(built, inputs_of("tokens", 2, 4), ({0: "batch", 1: "length"},), tmp_path / "network.onnx")
    nodes = onnx.load(tmp_path / "network.onnx").graph.node
    assert [node.op_type for node in nodes].count(operator) == 2
    assert not {"Loop", "Scan"} & {node.op_type for node in nodes}
    assert {node.domain for node in nodes} == {""}
