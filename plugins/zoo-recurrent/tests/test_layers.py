import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_recurrent.cells import elman, gated, long_short_term
from zoo_recurrent.layers import Layer, arranged, turned

CELLS = [lambda num_in, num_units: elman(num_in, num_units, "tanh"), long_short_term, gated]


def layer_of(cell, **options):
    return Layer(cell, 3, 5, **{"bidirectional": False, "truncation": None, **options})


@given(st.data())
def test_an_example_is_turned_around_within_its_length_and_back_again(data):
    num_steps = data.draw(st.integers(1, 12))
    lengths = data.draw(st.lists(st.integers(1, num_steps), min_size=1, max_size=5))
    steps = torch.arange(num_steps).expand(len(lengths), -1).unsqueeze(-1)
    order = turned(torch.tensor(lengths), num_steps)
    there = arranged(steps, order)
    for row, length in zip(there.squeeze(-1).tolist(), lengths, strict=True):
        assert row == [*reversed(range(length)), *range(length, num_steps)]
    assert torch.equal(arranged(there, order), steps)


@pytest.mark.parametrize("cell", CELLS)
def test_the_backward_direction_is_the_forward_one_over_the_reversed_example(cell):
    both = layer_of(cell, bidirectional=True)
    features, lengths = torch.randn(2, 7, 3), torch.tensor([7, 4])
    states = both(features, lengths)
    for row, length in enumerate(lengths):
        reversed_example = features[row, :length].flip(0).unsqueeze(0)
        expected = both.back(reversed_example)[0][0].flip(0)
        torch.testing.assert_close(states[row, :length, 5:], expected, rtol=0, atol=1e-6)
        ahead = both.ahead(features[row : row + 1, :length])[0][0]
        torch.testing.assert_close(states[row, :length, :5], ahead, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_both_directions_equal_torchs_own_packed_layer(cell):
    both = layer_of(cell, bidirectional=True)
    options = {"bidirectional": True, "batch_first": True}
    packed_layer = type(both.ahead)(3, 5, **options)
    ahead, back = both.ahead.state_dict(), both.back.state_dict()
    packed_layer.load_state_dict({**ahead, **{f"{name}_reverse": value for name, value in back.items()}})
    features, lengths = torch.randn(3, 7, 3), torch.tensor([7, 4, 1])
    packed = torch.nn.utils.rnn.pack_padded_sequence(features, lengths, batch_first=True)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(packed_layer(packed)[0], batch_first=True)
    states = both(features, lengths)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(states[row, :length], expected[row, :length], rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(truncation=st.integers(1, 9), num_steps=st.integers(1, 9), cell=st.sampled_from(CELLS))
def test_truncation_changes_no_state(truncation, num_steps, cell):
    layer = layer_of(cell, bidirectional=True, truncation=truncation)
    features, lengths = torch.randn(2, num_steps, 3), torch.tensor([num_steps, 1])
    cut = layer.train()(features, lengths)
    torch.testing.assert_close(cut, layer.eval()(features, lengths), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_truncation_stops_the_gradient_exactly(cell):
    layer = layer_of(cell, truncation=3).train()
    features = torch.randn(2, 8, 3, requires_grad=True)
    layer(features, torch.tensor([8, 8]))[:, -1].square().sum().backward()
    reached = features.grad.abs().amax(dim=(0, 2))
    assert torch.equal(reached[:6], torch.zeros(6))
    assert (reached[6:] > 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_without_truncation_the_gradient_reaches_the_first_step(cell):
    layer = layer_of(cell).train()
    features = torch.randn(2, 8, 3, requires_grad=True)
    layer(features, torch.tensor([8, 8]))[:, -1].square().sum().backward()
    assert (features.grad.abs().amax(dim=(0, 2)) > 0).all()
