"""The bound against torch's own distributions, which know the formulas independently."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, kl_divergence

from zoo_variational.losses import EvidenceLowerBound, divergence


def example(num_examples=3):
    generator = torch.Generator().manual_seed(0)
    logits, mean, log_variance = (
        torch.randn(num_examples, *shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 4, 3), (5,), (5,))
    )
    black_or_white = torch.randint(0, 2, logits.shape, generator=generator).double() * 2 - 1
    return logits, black_or_white, mean, log_variance


def test_the_divergence_is_that_of_two_gaussians():
    _, _, mean, log_variance = example()
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(divergence(mean, log_variance), expected)


@given(mean=st.floats(-20, 20), log_variance=st.floats(-20, 8))
def test_the_divergence_is_never_negative_and_zero_for_the_prior(mean, log_variance):
    value = divergence(*(torch.tensor([[each]], dtype=torch.float64) for each in (mean, log_variance)))
    assert value.item() >= -1e-12
    assert divergence(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_bernoulli_pixels_have_their_likelihood():
    logits, pictures, mean, log_variance = example()
    likelihood = Bernoulli(logits=logits).log_prob((pictures + 1) / 2).sum((1, 2, 3))
    values = EvidenceLowerBound()(logits, pictures, mean, log_variance)
    torch.testing.assert_close(values, divergence(mean, log_variance) - likelihood)


def test_grey_bernoulli_pixels_have_a_cross_entropy_that_is_least_at_their_own_grey():
    # -t log q - (1 - t) log(1 - q) with t = 0.75 is least, 0.5623, at q = 0.75, whose logit is log 3.
    grey, still = torch.full((1, 1, 1, 1), 0.5), torch.zeros(1, 1)
    loss = EvidenceLowerBound()
    at_best, lower, higher = (
        loss(torch.full((1, 1, 1, 1), logit), grey, still, still).item() for logit in (1.0986, 0.9, 1.3)
    )
    assert at_best == pytest.approx(0.5623, abs=1e-4)
    assert at_best < min(lower, higher)


def test_gaussian_pixels_have_their_likelihood():
    logits, pictures, mean, log_variance = example()
    white = torch.distributions.Normal(2 * logits.sigmoid() - 1, 0.3)
    values = EvidenceLowerBound(pixels="gaussian", deviation=0.3)(logits, pictures, mean, log_variance)
    expected = divergence(mean, log_variance) - white.log_prob(pictures).sum((1, 2, 3))
    torch.testing.assert_close(values, expected)


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_beta_weighs_the_divergence(beta):
    logits, pictures, mean, log_variance = example()
    weighed, plain = (
        EvidenceLowerBound(beta=each)(logits, pictures, mean, log_variance) for each in (beta, 1.0)
    )
    torch.testing.assert_close(weighed - plain, (beta - 1) * divergence(mean, log_variance))


@pytest.mark.parametrize("pixels", ["bernoulli", "gaussian"])
def test_values_and_gradients_stay_finite_for_pixels_that_are_surely_wrong(pixels):
    logits = torch.tensor([1e4, -1e4]).reshape(1, 2, 1, 1).requires_grad_()
    pictures = torch.tensor([-1.0, 1.0]).reshape(1, 2, 1, 1)
    values = EvidenceLowerBound(pixels=pixels)(logits, pictures, torch.zeros(1, 2), torch.zeros(1, 2))
    values.sum().backward()
    assert values.isfinite().all()
    assert logits.grad.isfinite().all()


def test_the_bound_is_above_the_negative_log_likelihood_and_tight_at_the_posterior():
    # A decoder that ignores z has an exact likelihood, and the prior for a posterior.
    logits, pictures, mean, log_variance = example()
    exact = -Bernoulli(logits=logits).log_prob((pictures + 1) / 2).sum((1, 2, 3))
    loss = EvidenceLowerBound()
    assert (loss(logits, pictures, mean, log_variance) > exact).all()
    prior = torch.zeros_like(mean)
    torch.testing.assert_close(loss(logits, pictures, prior, prior), exact)
