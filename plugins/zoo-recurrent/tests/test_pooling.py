import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo_recurrent.pooling import Attention, Last, Maximum, Mean, pooling_of

STATES = torch.tensor([[[1.0, -5.0], [3.0, -7.0], [100.0, 100.0]], [[2.0, -1.0], [4.0, -9.0], [6.0, -2.0]]])
LENGTHS = torch.tensor([2, 3])


def test_last_takes_the_state_after_the_last_real_step():
    assert Last(2, bidirectional=False)(STATES, LENGTHS).tolist() == [[3.0, -7.0], [6.0, -2.0]]


def test_last_of_two_directions_takes_the_backward_state_at_the_first_step():
    assert Last(2, bidirectional=True)(STATES, LENGTHS).tolist() == [[3.0, -5.0], [6.0, -1.0]]


def test_mean_is_over_real_steps():
    assert Mean()(STATES, LENGTHS).tolist() == [[2.0, -6.0], [4.0, -4.0]]


def test_maximum_is_over_real_steps_also_where_all_are_negative():
    assert Maximum()(STATES, LENGTHS).tolist() == [[3.0, -5.0], [6.0, -1.0]]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_attention_weights_are_positive_on_real_steps_zero_on_padding_and_sum_to_one(lengths):
    weights = Attention(4).weights(torch.randn(len(lengths), 6, 4), torch.tensor(lengths)).detach()
    for row, length in zip(weights, lengths, strict=True):
        assert (row[:length] > 0).all()
        assert torch.equal(row[length:], torch.zeros(6 - length))
        assert row.sum().item() == pytest.approx(1, abs=1e-6)


def test_attention_computes_its_published_equations():
    attention = Attention(2).double()
    states = STATES.double() / 10
    w, b = (p.detach().numpy() for p in attention.hidden.parameters())
    v = attention.context.weight.detach().numpy()[0]
    pooled = attention(states, LENGTHS).detach().numpy()
    for row, length in enumerate(LENGTHS):
        h = states[row, :length].numpy()
        score = np.exp(np.tanh(h @ w.T + b) @ v)
        np.testing.assert_allclose(pooled[row], (score / score.sum()) @ h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_every_pooling_gives_one_vector_an_example(pooling):
    pooled = pooling_of(pooling, 2, bidirectional=True)(STATES, LENGTHS)
    assert pooled.shape == (2, 2)
