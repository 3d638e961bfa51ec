"""Networks that read a whole text or series and answer once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import Classes, DataError, Signature, TensorSpec
from zoo_recurrent.heads import Autoregression
from zoo_recurrent.networks import gru, lstm, rnn

POOLINGS = ["last", "mean", "max", "attention"]
LABEL = Classes(("ham", "spam", "other"))
SMALL = {"hidden": 6, "embedding": 5}


def as_tuple(scores):
    return scores if isinstance(scores, tuple) else (scores,)


def spread(network):
    """Larger weights in the heads, which start too small for a difference to show."""
    for name, parameter in network.named_parameters():
        if "head" in name:
            torch.nn.init.normal_(parameter)
    return network.eval()


def inputs_of(kind, lengths):
    num_steps = max(*lengths, 1)
    if kind == "series":
        return torch.randn(len(lengths), num_steps, 3), torch.tensor(lengths)
    tokens = torch.randint(1, 9, (len(lengths), num_steps))
    return (tokens.masked_fill(torch.arange(num_steps) >= torch.tensor(lengths).unsqueeze(1), 0),)


@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_scores_have_the_shapes_that_the_target_asks_for(network, kind, target, signature_of):
    scores = network(signature_of(kind, target), **SMALL)(*inputs_of(kind, [4, 2, 1]))
    assert isinstance(scores, tuple) == (len(target.outputs) > 1)
    shapes = [(3, *spec.shape) for spec in target.outputs]
    assert [tuple(each.shape) for each in as_tuple(scores)] == shapes


@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_a_batch_of_one_and_a_length_of_one_keep_their_axes(network, kind, target, signature_of):
    scores = network(signature_of(kind, target), bidirectional=True, **SMALL)(*inputs_of(kind, [1]))
    assert [tuple(each.shape) for each in as_tuple(scores)] == [(1, *spec.shape) for spec in target.outputs]


@pytest.mark.parametrize("autoregression", [0, 1, 9])
def test_a_forecast_has_horizon_and_channels(network, autoregression, forecast, signature_of):
    built = network(signature_of("series", forecast), autoregression=autoregression, **SMALL)
    assert built(*inputs_of("series", [5, 3])).shape == (2, 4, 2)


@settings(max_examples=40, deadline=None)
@given(
    network=st.sampled_from([rnn, lstm, gru]),
    kind=st.sampled_from(["tokens", "series"]),
    pooling=st.sampled_from(POOLINGS),
    bidirectional=st.booleans(),
    layers=st.integers(1, 2),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_padding_never_changes_a_prediction(network, kind, pooling, bidirectional, layers, lengths):
    signature = _signature(kind, LABEL)
    options = {"pooling": pooling, "bidirectional": bidirectional, "layers": layers, **SMALL}
    # In double precision: another batch size may take another kernel, which rounds otherwise.
    built = spread(network(signature, **options)).double()
    inputs = [each.double() if each.is_floating_point() else each for each in inputs_of(kind, [*lengths, 12])]
    together = built(*inputs)
    for row, length in enumerate(lengths):
        alone = tuple(each[row : row + 1] for each in inputs)
        scores = built(alone[0][:, :length], *alone[1:])
        torch.testing.assert_close(scores[0], together[row], rtol=0, atol=1e-12)


def test_what_stands_behind_the_end_of_a_series_is_not_read(network, signature_of):
    built = spread(network(signature_of("series", LABEL), bidirectional=True, **SMALL))
    series, lengths = inputs_of("series", [3, 5])
    other = series.clone()
    other[0, 3:] = 7.0
    torch.testing.assert_close(built(series, lengths), built(other, lengths), rtol=0, atol=0)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_empty_text_has_a_finite_answer_alone_and_beside_others(network, pooling, signature_of):
    built = spread(network(signature_of("tokens", LABEL), pooling=pooling, bidirectional=True, **SMALL))
    together = built(torch.tensor([[0, 0, 0], [3, 4, 5]]))
    alone = built(torch.tensor([[0]]))
    assert together.isfinite().all()
    torch.testing.assert_close(together[0], alone[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["tokens", "series"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_reach_every_parameter(network, kind, pooling, target, signature_of):
    options = {"layers": 2, "pooling": pooling, "bidirectional": True, "dropout": 0.0}
    built = network(signature_of(kind, target), **options, **SMALL)
    scores = as_tuple(built(*inputs_of(kind, [9, 5, 7, 8])))
    sum((each - 1).square().sum() for each in scores).backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_gradients_reach_the_linear_part_of_a_forecast(network, forecast, signature_of):
    built = network(signature_of("series", forecast), autoregression=3, **SMALL)
    (built(*inputs_of("series", [5, 3])) - 1).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in built.autoregression.parameters())


def test_the_linear_part_reads_the_last_real_steps_and_takes_earlier_ones_for_zero():
    linear = Autoregression(3, 1, (1,))
    torch.nn.init.constant_(linear.head.weight, 1.0)
    linear.head.weight.data[0] = torch.tensor([100.0, 10.0, 1.0])
    series = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, -1.0, -1.0], [7.0, -1.0, -1.0, -1.0]])
    scores = linear(series.unsqueeze(-1), torch.tensor([4, 2, 1]))
    assert scores.tolist() == [[234.0], [56.0], [7.0]]


def test_a_gradient_goes_back_as_many_steps_as_truncation_says(network, signature_of):
    built = network(signature_of("series", LABEL), truncation=4, layers=2, dropout=0.0, **SMALL)
    series = torch.randn(2, 12, 3, requires_grad=True)
    built(series, torch.tensor([12, 12])).square().sum().backward()
    reached = series.grad.abs().amax(dim=(0, 2))
    assert torch.equal(reached[:8], torch.zeros(8))
    assert (reached[8:] > 0).all()


def test_the_same_seed_draws_the_same_weights(network, signature_of):
    built = []
    for _ in range(2):
        torch.manual_seed(3)
        built.append(network(signature_of("tokens", LABEL), bidirectional=True, pooling="attention", **SMALL))
    first, second = (each.state_dict() for each in built)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_evaluation_gives_the_same_scores_twice(network, signature_of):
    built = network(signature_of("tokens", LABEL), word_dropout=0.5, dropout=0.5, **SMALL).eval()
    (tokens,) = inputs_of("tokens", [6, 3])
    assert torch.equal(built(tokens), built(tokens))


def test_the_first_predictions_are_nearly_even(network, signature_of):
    built = network(signature_of("tokens", LABEL))
    probabilities = built(*inputs_of("tokens", [12] * 32)).softmax(1)
    assert (probabilities.mean(0) - 1 / 3).abs().max() < 0.05


def test_word_dropout_reads_tokens_as_unknown_and_leaves_padding_alone(signature_of):
    built = gru(signature_of("tokens", LABEL), word_dropout=0.999, dropout=0.0, **SMALL).train()
    (tokens,) = inputs_of("tokens", [40, 20])
    vectors = built.reader.embedding(tokens)
    is_unknown = (vectors == built.reader.embedding.vectors.weight[1]).all(-1)
    assert is_unknown[tokens != 0].float().mean() > 0.9
    assert torch.equal(vectors[tokens == 0], torch.zeros(20, 5))


def test_rectified_units_emit_no_negative_state(signature_of):
    built = rnn(signature_of("series", LABEL), activation="relu", **SMALL)
    states = built.layers[0](*inputs_of("series", [9]))
    assert states.min() == 0
    assert states.max() > 1e-3


@pytest.mark.parametrize("kind", ["tokens"])
def test_a_forecast_of_a_text_is_refused(network, kind, forecast, signature_of):
    with pytest.raises(DataError) as refusal:
        network(signature_of(kind, forecast))
    assert str(refusal.value).startswith(f"{network.__name__} forecasts a series, and the data gives a text")
    assert "classes" in refusal.value.fix


def _signature(kind, target):
    tokens = TensorSpec("encoded_text", "tokens", "int64", (None,), 9)
    series = TensorSpec("encoded_series", "series", "float32", (None, 3))
    lengths = TensorSpec("encoded_lengths", "lengths", "int64", ())
    return Signature((tokens,) if kind == "tokens" else (series, lengths), target, target.outputs)
