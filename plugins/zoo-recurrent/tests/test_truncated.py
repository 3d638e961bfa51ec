import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from zoo.plugin import Batch, Classes
from zoo_recurrent.truncated import truncated


def token_loss(logits, target):
    return F.cross_entropy(logits.transpose(1, 2), target, reduction="none"), (target != 0).float()


def play(model, batch, loss=token_loss, **options):
    return list(truncated({"model": model}, batch, loss, **options))


def batch_of(lengths):
    """Texts of so many tokens, padded; the last token of each has no next one."""
    texts = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    target = torch.zeros_like(texts)
    for row, length in enumerate(lengths):
        texts[row, :length] = torch.randint(2, 9, (length,))
        target[row, : length - 1] = texts[row, 1:length]
    return Batch((texts,), target)


class Recorder(torch.nn.Module):
    """A network without weights of interest that keeps what it was called with."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(9))
        self.calls = []

    def forward(self, tokens, *state):
        self.calls.append((tokens, state))
        logits = self.weight.expand(*tokens.shape, 9)
        return logits, tokens.sum(1, keepdim=True) * self.weight[:1]


@pytest.fixture
def model(network, text, signature_of):
    return network(signature_of("tokens", text), hidden=6, embedding=5, layers=2, dropout=0.0)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(2, 40), min_size=1, max_size=4), length=st.integers(1, 12))
def test_the_parts_cover_every_known_next_token_once_and_are_as_equal_as_can_be(lengths, length):
    batch = batch_of(lengths)
    recorder = Recorder()
    turns = play(recorder, batch, length=length)
    num_known = max(lengths) - 1
    sizes = [tokens.shape[1] for tokens, _ in recorder.calls]
    assert len(turns) == math.ceil(num_known / math.ceil(num_known / math.ceil(num_known / length)))
    assert max(sizes) <= length
    assert sum(sizes) == num_known
    assert len(set(sizes[:-1])) <= 1
    covered = torch.cat([tokens for tokens, _ in recorder.calls], dim=1)
    assert torch.equal(covered, batch.inputs[0][:, :num_known])
    assert sum(turn.loss[1].sum() for turn in turns) == sum(lengths) - len(lengths)


def test_a_thousand_tokens_are_sixteen_turns_of_sixty_four(model):
    turns = play(model, batch_of([1025, 400]))
    assert [turn.player for turn in turns] == ["model"] * 16
    assert [tuple(turn.loss[0].shape) for turn in turns] == [(2, 64)] * 16


def test_every_part_starts_from_the_state_that_the_part_before_ended_in_cut_from_its_past():
    recorder = Recorder()
    play(recorder, batch_of([13]), length=4)
    assert recorder.calls[0][1] == ()
    for (tokens, _), (_, state) in zip(recorder.calls, recorder.calls[1:], strict=False):
        assert len(state) == 1
        assert not state[0].requires_grad
        assert state[0].item() == tokens.sum() * recorder.weight[0]


def test_without_updates_the_parts_together_lose_what_the_whole_text_loses(model):
    batch = batch_of([30, 17])
    values = torch.cat([turn.loss[0] for turn in play(model, batch, length=7)], dim=1)
    logits, *_ = model(batch.inputs[0])
    expected, weights = token_loss(logits, batch.target)
    torch.testing.assert_close(values * weights[:, :29], (expected * weights)[:, :29], rtol=0, atol=1e-5)


def test_the_gradient_of_a_part_is_that_of_its_own_steps(model):
    batch = batch_of([21])
    first, second = truncated({"model": model}, batch, token_loss, length=10)
    second.loss[0].sum().backward()
    gradient = model.embedding.vectors.weight.grad
    read_late = set(batch.inputs[0][0, 10:20].tolist())
    read = {token for token in range(9) if gradient[token].abs().max() > 0}
    assert read == read_late
    assert first.loss[0].shape == (1, 10)


def test_an_update_between_turns_is_what_the_next_part_is_read_with(model):
    turns = truncated({"model": model}, batch_of([21]), token_loss, length=10)
    next(turns)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    values, _ = next(turns).loss
    torch.testing.assert_close(values, torch.full_like(values, math.log(9)))


def test_judging_is_one_call_with_the_very_tokens_of_the_batch():
    recorder = Recorder().eval()
    batch = batch_of([30, 17])
    with torch.no_grad():
        (turn,) = play(recorder, batch, length=7)
    ((tokens, state),) = recorder.calls
    assert tokens is batch.inputs[0]
    assert state == ()
    assert turn.loss[0].shape == (2, 30)


def test_a_target_that_is_no_next_token_is_learned_as_a_whole(network, signature_of):
    model = network(signature_of("tokens", Classes(("ham", "spam", "other"))), hidden=6, dropout=0.0)
    tokens, target = torch.randint(2, 9, (4, 30)), torch.tensor([0, 1, 2, 1])
    (turn,) = play(
        model, Batch((tokens,), target), lambda scores, t: F.cross_entropy(scores, t, reduction="none")
    )
    expected = F.cross_entropy(model(tokens), target, reduction="none")
    torch.testing.assert_close(turn.loss, expected, rtol=0, atol=1e-6)


def test_several_targets_and_tables_of_numbers_are_learned_as_a_whole():
    class Emitter(torch.nn.Module):
        def forward(self, tokens):
            return tokens

    tokens = torch.ones(3, 4, dtype=torch.int64)
    for target in (torch.ones(3, 4), (torch.ones(3, 4, dtype=torch.int64),)):
        (turn,) = play(Emitter(), Batch((tokens,), target), lambda scores, truth: (scores, truth))
        assert turn.loss == (tokens, target) or turn.loss[1] is target
        assert turn.loss[0] is tokens
