"""The three recurrences against their published equations, written out in NumPy."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from zoo_recurrent.cells import elman, gated, long_short_term
from zoo_recurrent.running import run

NUM_IN, NUM_UNITS, NUM_STEPS = 3, 4, 6
CELLS = [partial(elman, activation="tanh"), partial(elman, activation="relu"), long_short_term, gated]
NAMES = ["tanh", "relu", "lstm", "gru"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_gate(layer, num_gates):
    """Input weights, recurrent weights and both biases, gate by gate, drawn at random."""
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return [np.split(layer.get_parameter(name).detach().numpy(), num_gates) for name in names]


def published_rnn(layer, series, squash):
    (w,), (u,), (b,), (c,) = by_gate(layer, 1)
    h, states = np.zeros(NUM_UNITS), []
    for x in series:
        h = squash(w @ x + b + u @ h + c)
        states.append(h)
    return np.stack(states)


def published_lstm(layer, series):
    w, u, b, c = by_gate(layer, 4)
    h, memory, states = np.zeros(NUM_UNITS), np.zeros(NUM_UNITS), []
    for x in series:
        i, f, g, o = (w[k] @ x + b[k] + u[k] @ h + c[k] for k in range(4))
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(memory)
        states.append(h)
    return np.stack(states)


def published_gru(layer, series):
    w, u, b, c = by_gate(layer, 3)
    h, states = np.zeros(NUM_UNITS), []
    for x in series:
        r, z = (sigmoid(w[k] @ x + b[k] + u[k] @ h + c[k]) for k in range(2))
        n = np.tanh(w[2] @ x + b[2] + r * (u[2] @ h + c[2]))
        h = z * h + (1 - z) * n
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize(
    ("cell", "published"),
    [
        (CELLS[0], partial(published_rnn, squash=np.tanh)),
        (CELLS[1], partial(published_rnn, squash=lambda x: np.maximum(x, 0))),
        (CELLS[2], published_lstm),
        (CELLS[3], published_gru),
    ],
    ids=NAMES,
)
def test_a_cell_computes_its_published_equations(cell, published):
    layer = cell(NUM_IN, NUM_UNITS).double()
    series = np.random.default_rng(1).normal(size=(NUM_STEPS, NUM_IN))
    expected = published(layer, series)
    states, after = run(layer, torch.from_numpy(series).unsqueeze(0))
    np.testing.assert_allclose(states[0].detach().numpy(), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(after[0][0].detach().numpy(), expected[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_recurrent_weights_start_orthogonal_gate_by_gate(cell):
    weights = cell(NUM_IN, NUM_UNITS).get_parameter("weight_hh_l0").detach()
    for gate in weights.split(NUM_UNITS):
        torch.testing.assert_close(gate @ gate.T, torch.eye(NUM_UNITS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_input_weights_start_within_the_bound_of_glorot_and_bengio_for_one_gate(cell):
    weights = cell(30, 50).get_parameter("weight_ih_l0").detach()
    bound = (6 / (30 + 50)) ** 0.5
    assert weights.abs().max() <= bound
    assert weights.abs().max() > 0.95 * bound


def test_the_forget_gate_starts_open_and_every_other_bias_at_zero():
    layer = long_short_term(NUM_IN, NUM_UNITS)
    total = (layer.get_parameter("bias_ih_l0") + layer.get_parameter("bias_hh_l0")).detach()
    _, forget, _, _ = total.split(NUM_UNITS)
    assert torch.equal(forget, torch.ones(NUM_UNITS))
    assert total.sum() == NUM_UNITS
    for cell in (CELLS[0], gated):
        assert not any(p.any() for n, p in cell(NUM_IN, NUM_UNITS).named_parameters() if "bias" in n)
