import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.builtin import schedules

ALL = [
    schedules.constant,
    schedules.warm_up,
    schedules.cosine,
    schedules.step,
    schedules.exponential,
    schedules.polynomial,
    schedules.one_cycle,
    schedules.inverse_square_root,
]
WITH_WARMUP = [each for each in ALL if each is not schedules.constant]


def factors(schedule, num_steps):
    return [schedule(step, num_steps) for step in range(num_steps)]


def test_constant_is_one_everywhere():
    assert factors(schedules.constant(), 5) == [1.0] * 5


def test_warm_up_rises_by_equal_parts_and_stays():
    assert factors(schedules.warm_up(warmup=0.4), 10) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1])


def test_cosine_follows_equation_5_of_sgdr():
    lowest, highest, num_steps = 0.1, 1.0, 20
    for step, factor in enumerate(factors(schedules.cosine(warmup=0.0, final=lowest), num_steps)):
        expected = lowest + 0.5 * (highest - lowest) * (1 + math.cos(step / num_steps * math.pi))
        assert factor == pytest.approx(expected)


def test_cosine_starts_to_fall_where_warm_up_ends():
    schedule = schedules.cosine(warmup=0.1)
    assert schedule(0, 100) == pytest.approx(0.1)
    assert schedule(9, 100) == schedule(10, 100) == 1.0
    assert schedule(55, 100) == pytest.approx(0.5)


def test_step_drops_after_each_third():
    assert factors(schedules.step(), 9) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])


@pytest.mark.parametrize("num_steps", [10, 30, 70, 100, 390, 1000])
def test_step_drops_exactly_at_multiples_of_its_length(num_steps):
    schedule = schedules.step(every=0.1, gamma=0.5)
    for drop in range(1, 10):
        first = drop * num_steps // 10
        assert schedule(first - 1, num_steps) == 0.5 ** (drop - 1)
        assert schedule(first, num_steps) == 0.5**drop


def test_exponential_decreases_by_the_same_ratio():
    values = factors(schedules.exponential(final=0.01), 100)
    ratios = [after / before for before, after in itertools.pairwise(values)]
    assert ratios == pytest.approx([0.01 ** (1 / 100)] * 99)
    assert schedules.exponential(final=0.01)(100, 100) == pytest.approx(0.01)


def test_polynomial_is_the_poly_policy():
    for step, factor in enumerate(factors(schedules.polynomial(power=0.9), 30)):
        assert factor == pytest.approx((1 - step / 30) ** 0.9)
    assert schedules.polynomial(power=2.0, final=0.2)(15, 30) == pytest.approx(0.2 + 0.8 * 0.25)


def test_one_cycle_rises_to_one_and_falls_to_almost_nothing():
    schedule = schedules.one_cycle()
    assert schedule(0, 100) == pytest.approx(1 / 25)
    assert schedule(15, 100) == pytest.approx((1 / 25 + 1) / 2)
    assert schedule(30, 100) == pytest.approx(1.0)
    assert schedule(65, 100) == pytest.approx((1 + 4e-6) / 2)
    assert schedule(100, 100) == pytest.approx(1 / 25 / 1e4)


def test_inverse_square_root_is_the_transformers_equation_3_over_its_peak():
    width, num_warmup, num_steps = 512, 40, 400
    peak = width**-0.5 * num_warmup**-0.5
    for step, factor in enumerate(factors(schedules.inverse_square_root(warmup=0.1), num_steps)):
        rate = width**-0.5 * min((step + 1) ** -0.5, (step + 1) * num_warmup**-1.5)
        assert factor == pytest.approx(rate / peak)


@given(st.sampled_from(WITH_WARMUP), st.floats(0, 1), st.integers(1, 10_000), st.data())
def test_factors_are_finite_between_zero_and_one_and_repeatable(factory, warmup, num_steps, data):
    schedule = factory(warmup=warmup)
    step = data.draw(st.integers(0, 2 * num_steps))
    factor = schedule(step, num_steps)
    assert 0.0 <= factor <= 1.0
    assert factory(warmup=warmup)(step, num_steps) == factor


@given(st.sampled_from(WITH_WARMUP), st.floats(0, 1), st.integers(1, 1000))
def test_the_first_step_always_learns_something(factory, warmup, num_steps):
    assert factory(warmup=warmup)(0, num_steps) > 0


@pytest.mark.parametrize("factory", ALL)
def test_after_the_last_step_the_factor_stays(factory):
    assert factory()(250, 100) == factory()(100, 100)
