"""Losses against the published formulas, evaluated in double precision by hand or by NumPy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.plugin import UsageError
from zoo_adversarial.losses import Hinge, LeastSquares, Minimax, NonSaturating, wasserstein

REAL = torch.tensor([-2.0, 0.0, 0.5, 3.0], dtype=torch.float64)
FAKE = torch.tensor([1.5, 0.0, -0.5, -4.0], dtype=torch.float64)
LOSSES = [Minimax(), NonSaturating(), LeastSquares(), Hinge(), wasserstein()]


def probability(logits):
    return 1 / (1 + np.exp(-logits.numpy()))


def equals(values, expected):
    torch.testing.assert_close(values, torch.as_tensor(expected, dtype=torch.float64))


def test_minimax_is_the_value_of_the_game():
    # arXiv:1406.2661, equation 1: V = log D(x) + log(1 - D(G(z))).
    real, fake = probability(REAL), probability(FAKE)
    equals(Minimax().discriminator(REAL, FAKE), -(np.log(real) + np.log(1 - fake)))
    equals(Minimax().generator(FAKE), np.log(1 - fake))


def test_minimax_of_a_discriminator_that_cannot_tell_is_log_4():
    # Theorem 1: at the optimum D = 1/2 everywhere and V = -log 4.
    half = torch.zeros(1, dtype=torch.float64)
    equals(Minimax().discriminator(half, half), [math.log(4)])


def test_non_saturating_differs_in_the_generators_loss_alone():
    equals(NonSaturating().generator(FAKE), -np.log(probability(FAKE)))
    equals(NonSaturating().discriminator(REAL, FAKE), Minimax().discriminator(REAL, FAKE))


def test_only_the_non_saturating_generator_learns_from_a_discriminator_that_is_sure():
    slopes = {}
    for loss in (Minimax(), NonSaturating()):
        logits = torch.tensor([-20.0], requires_grad=True)
        loss.generator(logits).sum().backward()
        slopes[type(loss)] = logits.grad.item()
    assert abs(slopes[Minimax]) < 1e-8
    assert slopes[NonSaturating] == pytest.approx(-1)


@pytest.mark.parametrize("loss", [Minimax, NonSaturating])
def test_label_smoothing_lowers_the_target_of_real_pictures_only(loss):
    # arXiv:1606.03498, section 3.4: the target of real pictures becomes 1 - s, that of fakes stays 0.
    real, fake = probability(REAL), probability(FAKE)
    expected = -(0.9 * np.log(real) + 0.1 * np.log(1 - real)) - np.log(1 - fake)
    equals(loss(label_smoothing=0.1).discriminator(REAL, FAKE), expected)


def test_least_squares_has_the_papers_targets():
    # arXiv:1611.04076, equation 2, with a = 0 and b = c = 1.
    equals(LeastSquares().discriminator(REAL, FAKE), ((REAL - 1) ** 2 + FAKE**2) / 2)
    equals(LeastSquares().generator(FAKE), (FAKE - 1) ** 2 / 2)


def test_least_squares_can_be_the_pearson_divergence():
    # Its other choice: a = -1, b = 1, c = 0.
    loss = LeastSquares(fake=-1, real=1, goal=0)
    equals(loss.discriminator(REAL, FAKE), ((REAL - 1) ** 2 + (FAKE + 1) ** 2) / 2)
    equals(loss.generator(FAKE), FAKE**2 / 2)


def test_hinge_costs_nothing_beyond_the_margin():
    # max(0, 1 - D(x)) + max(0, 1 + D(G(z))) for (-2, 1.5), (0, 0), (0.5, -0.5) and (3, -4).
    equals(Hinge().discriminator(REAL, FAKE), [3 + 2.5, 1 + 1, 0.5 + 0.5, 0])
    equals(Hinge().generator(FAKE), -FAKE)


def test_wasserstein_is_the_difference_of_the_critics_answers():
    # arXiv:1701.07875, equation 2, with the sign that minimises.
    equals(wasserstein().discriminator(REAL, FAKE), [3.5, 0, -1, -7])
    equals(wasserstein().generator(FAKE), -FAKE)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("size", [1e3, 1e30])
def test_values_and_gradients_stay_finite_for_logits_of_any_size(loss, size):
    real, fake = (torch.tensor([-size, size], requires_grad=True) for _ in range(2))
    if size < 1e10 or not isinstance(loss, LeastSquares):  # a square leaves float32 at 1e19
        values = loss.discriminator(real, fake) + loss.generator(fake)
        assert values.isfinite().all()
        assert all(each.isfinite().all() for each in torch.autograd.grad(values.sum(), (real, fake)))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_both_players_pull_a_fakes_logit_apart(loss):
    fake = torch.tensor([0.3], requires_grad=True)
    (down,) = torch.autograd.grad(loss.discriminator(torch.zeros(1), fake).sum(), fake)
    (up,) = torch.autograd.grad(loss.generator(fake).sum(), fake)
    assert down > 0 > up


def test_the_penalty_of_a_linear_critic_is_known():
    # The slope of w · x is w wherever it is taken: 10 (5 - 1)² for w = (3, 4).
    weights = torch.tensor([3.0, 4.0]).reshape(1, 1, 1, 2)

    def critic(pictures):
        return (pictures * weights).flatten(1).sum(1)

    values = wasserstein().penalty(critic, torch.randn(3, 1, 1, 2), torch.randn(3, 1, 1, 2))
    torch.testing.assert_close(values, torch.full((3,), 160.0))


def test_the_penalty_is_taken_between_a_real_picture_and_its_fake():
    seen = []

    def critic(pictures):
        seen.append(pictures.detach())
        return pictures.flatten(1).square().sum(1)

    real, fake = torch.zeros(500, 1, 2, 2), torch.ones(500, 1, 2, 2)
    values = wasserstein(penalty=1).penalty(critic, real, fake)
    share = seen[0][:, 0, 0, 0]
    assert torch.equal(seen[0], share.reshape(-1, 1, 1, 1).expand_as(real))
    assert 0 <= share.min() < 0.05
    assert 0.95 < share.max() <= 1
    # The slope of |u|² is 2 u, and u has four entries of that share.
    torch.testing.assert_close(values, (4 * share - 1) ** 2)


def test_the_penalty_takes_fakes_in_half_precision():
    real, fake = torch.randn(3, 1, 1, 2), torch.randn(3, 1, 1, 2).bfloat16()
    values = wasserstein().penalty(lambda pictures: pictures.flatten(1).sum(1), real, fake)
    # The slope of a sum of two entries is the root of 2.
    torch.testing.assert_close(values, torch.full((3,), 10 * (2**0.5 - 1) ** 2))


def test_the_penaltys_gradient_is_that_of_finite_differences():
    critic = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1), torch.nn.Flatten(0)
    ).double()
    real, fake = (torch.randn(4, 1, 2, 3, dtype=torch.float64) for _ in range(2))

    def penalty(weight):
        torch.manual_seed(3)
        replaced = {**dict(critic.named_parameters()), "1.weight": weight}
        return wasserstein().penalty(
            lambda pictures: torch.func.functional_call(critic, replaced, pictures), real, fake
        )

    weight = critic[1].weight.detach().clone().requires_grad_()
    assert penalty(weight).abs().max() > 0.1
    assert torch.autograd.gradcheck(penalty, (weight,))


def test_the_penalty_of_a_critic_without_slope_has_a_finite_gradient():
    linear = torch.nn.Linear(4, 1)
    torch.nn.init.zeros_(linear.weight)
    values = wasserstein().penalty(
        lambda pictures: linear(pictures.flatten(1)).squeeze(1),
        torch.randn(2, 1, 2, 2),
        torch.randn(2, 1, 2, 2),
    )
    torch.testing.assert_close(values, torch.full((2,), 10.0))
    values.sum().backward()
    assert linear.weight.grad.isfinite().all()


@given(clip=st.floats(1e-4, 1.0))
def test_clipping_bounds_every_weight_and_leaves_small_ones(clip):
    network = torch.nn.Linear(30, 30)
    before = network.weight.detach().clone()
    wasserstein(penalty=0, clip=clip).constrain(network)
    assert all(parameter.abs().max() <= clip for parameter in network.parameters())
    small = before.abs() <= clip
    assert torch.equal(network.weight[small], before[small])


def test_the_slope_is_held_in_the_way_that_is_asked_for():
    penalised, clipped = wasserstein(), wasserstein(penalty=0.0, clip=0.01)
    assert penalised.weight == 10
    assert clipped.bound == 0.01
    assert not hasattr(penalised, "constrain")
    assert not hasattr(clipped, "penalty")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": 0.01}, "loss.penalty=10 and loss.clip=0.01 both bound the discriminator's slope"),
        ({"penalty": 0.0}, "loss.penalty=0 leaves the discriminator's slope unbounded"),
    ],
)
def test_the_slope_is_bounded_in_exactly_one_way(options, message):
    with pytest.raises(UsageError, match=message):
        wasserstein(**options)
