"""Updates against the formulas of their papers, written out, in double precision."""

import math

import pytest
import torch

GRADIENTS = [0.5, -2.0, 0.25]


@pytest.fixture
def after(build):
    """A weight that starts at 1, after some given gradients."""

    def run(name, **options):
        weight = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
        optimizer = build(name, [("weight", weight)], **options)
        for gradient in GRADIENTS:
            weight.grad = torch.tensor([gradient], dtype=torch.float64)
            optimizer.step()
        return weight.item()

    return run


def test_lion_follows_algorithm_2_of_its_paper(after):
    weight, momentum, lr, decay, beta1, beta2 = 1.0, 0.0, 0.1, 0.05, 0.9, 0.99
    for gradient in GRADIENTS:
        update = math.copysign(1, beta1 * momentum + (1 - beta1) * gradient)
        weight -= lr * (update + decay * weight)
        momentum = beta2 * momentum + (1 - beta2) * gradient
    assert after("lion", lr=lr, weight_decay=decay) == pytest.approx(weight, rel=1e-12)


def test_adabelief_follows_algorithm_2_of_its_paper(after):
    weight, mean, belief, lr, eps = 1.0, 0.0, 0.0, 0.1, 1e-8
    for number, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.9 * mean + 0.1 * gradient
        belief = 0.999 * belief + 0.001 * (gradient - mean) ** 2 + eps
        step = (mean / (1 - 0.9**number)) / (math.sqrt(belief / (1 - 0.999**number)) + eps)
        weight -= lr * step
    assert after("adabelief", lr=lr, eps=eps) == pytest.approx(weight, rel=1e-9)


def test_signsgd_without_momentum_moves_by_the_sign_alone(after):
    expected = 1 - 0.1 * sum(math.copysign(1, gradient) for gradient in GRADIENTS)
    assert after("signsgd", lr=0.1, momentum=0.0) == pytest.approx(expected, rel=1e-12)


def test_quasi_hyperbolic_momentum_is_the_average_of_its_papers_equation_3(after):
    weight, buffer, lr, momentum, nu = 1.0, 0.0, 0.1, 0.9, 0.7
    for gradient in GRADIENTS:
        buffer = momentum * buffer + (1 - momentum) * gradient
        weight -= lr * ((1 - nu) * gradient + nu * buffer)
    assert after("qhm", lr=lr, momentum=momentum, nu=nu) == pytest.approx(weight, rel=1e-12)


def test_sharpness_aware_descent_takes_the_gradient_of_the_worst_place_near(build):
    weight = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    curvature = torch.tensor([3.0, 0.5], dtype=torch.float64)
    start, rho, lr = weight.detach().clone(), 0.05, 0.1

    def closure():
        weight.grad = None
        cost = (curvature * weight.square()).sum() / 2
        cost.backward()
        return cost

    loss = build("sam", [("weight", weight)], base="sgd", lr=lr, rho=rho).step(closure)
    gradient = curvature * start
    worst = start + rho * gradient / gradient.norm()
    torch.testing.assert_close(weight.detach(), start - lr * curvature * worst, rtol=1e-8, atol=0)
    assert loss.item() == pytest.approx((curvature * start.square()).sum().item() / 2)


def test_lookahead_pulls_every_kth_step_half_way_back(build):
    weight = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = build("lookahead", [("weight", weight)], base="sgd", lr=0.1, k=2, alpha=0.5)
    for _ in range(2):
        weight.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
    assert weight.item() == pytest.approx(1 + 0.5 * (0.8 - 1))
