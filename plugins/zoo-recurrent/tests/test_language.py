import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.plugin import DataError, Signature, TensorSpec, Tokens, UsageError
from zoo_recurrent.networks import gru, lstm, rnn

SMALL = {"hidden": 6, "embedding": 5, "layers": 2}


def test_each_place_has_a_logit_for_each_token(network, text, signature_of):
    logits, *_ = network(signature_of("tokens", text), **SMALL)(torch.randint(0, 9, (3, 7)))
    assert logits.shape == (3, 7, 9)


def test_the_state_has_the_batch_first_and_keeps_its_shape(network, text, signature_of):
    built = network(signature_of("tokens", text), **SMALL)
    initial = built.initial_state(3)
    assert len(initial) == (2 if network is lstm else 1)
    _, *after = built(torch.randint(2, 9, (3, 7)), *initial)
    assert [tuple(each.shape) for each in initial] == [(3, 2, 6)] * len(initial)
    assert [tuple(each.shape) for each in after] == [(3, 2, 6)] * len(initial)
    assert not any(each.any() for each in initial)
    assert all(each.abs().max() > 0 for each in after)


def test_the_parts_of_the_initial_state_are_tensors_of_their_own(text, signature_of):
    hidden, content = lstm(signature_of("tokens", text), **SMALL).initial_state(1)
    assert hidden.data_ptr() != content.data_ptr()


def test_no_state_is_the_initial_one(network, text, signature_of):
    built = network(signature_of("tokens", text), **SMALL).eval()
    tokens = torch.randint(2, 9, (3, 7))
    for given_state, none in zip(built(tokens, *built.initial_state(3)), built(tokens), strict=True):
        assert torch.equal(given_state, none)


@settings(max_examples=20, deadline=None)
@given(
    network=st.sampled_from([rnn, lstm, gru]),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    tie_weights=st.booleans(),
)
def test_a_text_continued_with_the_state_is_the_whole_text_in_one_go(network, sizes, tie_weights):
    target = Tokens(("", "?", *"abcdefg"))
    tokens_spec = TensorSpec("encoded_text", "tokens", "int64", (None,), 9)
    signature = Signature((tokens_spec,), target, target.outputs)
    built = network(signature, tie_weights=tie_weights, **SMALL).eval()
    tokens = torch.randint(2, 9, (2, sum(sizes)))
    whole, *after_all = built(tokens)
    state, parts = (), []
    for part in tokens.split(sizes, dim=1):
        logits, *state = built(part, *state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-6)
    for continued, at_once in zip(state, after_all, strict=True):
        torch.testing.assert_close(continued, at_once, rtol=0, atol=1e-6)


def test_a_logit_depends_on_its_place_and_those_before_alone(network, text, signature_of):
    built = network(signature_of("tokens", text), **SMALL).eval()
    tokens = torch.randint(2, 9, (2, 7))
    changed = tokens.clone()
    changed[:, 4] = (tokens[:, 4] - 2 + 1) % 7 + 2
    before, *_ = built(tokens)
    after, *_ = built(changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).any(-1).all()


@pytest.mark.parametrize("embedding", [5, 6])
def test_tied_logits_are_products_with_the_tokens_own_vectors(network, embedding, text, signature_of):
    options = {**SMALL, "embedding": embedding, "dropout": 0.0, "tie_weights": True}
    built = network(signature_of("tokens", text), **options).eval()
    states = torch.randn(2, 3, 6)
    vectors = built.embedding.vectors.weight
    logits = built.head(states, vectors)
    queries = built.head.projection(states)
    expected = (queries.unsqueeze(2) * vectors).sum(-1) + built.head.bias
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-6)
    untied = network(signature_of("tokens", text), **{**options, "tie_weights": False})
    assert num_weights(built) < num_weights(untied)


def num_weights(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("tie_weights", [False, True])
def test_gradients_reach_every_parameter(network, tie_weights, text, signature_of):
    built = network(signature_of("tokens", text), dropout=0.0, tie_weights=tie_weights, **SMALL)
    logits, *_ = built(torch.randint(2, 9, (4, 9)))
    (logits - 1).square().sum().backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_next_token_of_a_series_is_refused(network, text, signature_of):
    with pytest.raises(DataError) as refusal:
        network(signature_of("series", text))
    assert "predicts the next token of a text, and the data gives a series" in str(refusal.value)
    assert "data.time=" in refusal.value.fix


def test_a_language_model_that_reads_backwards_is_refused(network, text, signature_of):
    with pytest.raises(UsageError) as refusal:
        network(signature_of("tokens", text), bidirectional=True)
    assert "model.bidirectional=true would see the token that it is to predict" in str(refusal.value)
    assert "model.bidirectional" in refusal.value.fix


def test_truncation_of_a_language_model_is_the_objectives(network, text, signature_of):
    with pytest.raises(UsageError) as refusal:
        network(signature_of("tokens", text), truncation=32)
    assert "model.truncation=32" in str(refusal.value)
    assert refusal.value.fix == "objective.length=32"
