"""Schedules: the factor on the learning rate at a step, as a pure function.

Lengths are shares of the whole training, so a schedule fits any number of epochs and any batch size.
``step`` counts from 0; at and after ``num_steps`` the factor stays where it ended.
"""

import math
from collections.abc import Callable
from typing import Annotated

from zoo.plugin import Ge, Gt, Le

Schedule = Callable[[int, int], float]
Share = Annotated[float, Ge(0), Le(1)]
Factor = Annotated[float, Ge(0), Le(1)]
PositiveFactor = Annotated[float, Gt(0), Le(1)]


def constant() -> Schedule:
    """1 at every step."""
    return _after_warmup(0.0, lambda progress: 1.0)


def warm_up(*, warmup: Share = 0.05) -> Schedule:
    """Linear up to 1, then constant (Goyal et al. 2017, arXiv:1706.02677, section 2.2).

    Args:
        warmup: Share of training in which the factor rises.
    """
    return _after_warmup(warmup, lambda progress: 1.0)


def cosine(*, warmup: Share = 0.05, final: Factor = 0.0) -> Schedule:
    """Half a cosine from 1 down to ``final`` (Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5).

    Args:
        warmup: Share of training in which the factor rises linearly first.
        final: Factor at the end.
    """
    return _after_warmup(warmup, lambda progress: _cosine(1.0, final, progress))


def step(
    *, every: Annotated[float, Gt(0), Le(1)] = 1 / 3, gamma: PositiveFactor = 0.1, warmup: Share = 0.0
) -> Schedule:
    """A staircase: gamma to the number of drops so far (He et al. 2016, arXiv:1512.03385, section 3.4).

    Args:
        every: Share of training between two drops; a third means after one and two thirds.
        gamma: What a drop multiplies the factor by.
        warmup: Share of training in which the factor rises linearly first; drops are counted after it.
    """
    # 0.3 / 0.1 is just below 3 in floating point; the margin is far below one step.
    return _after_warmup(warmup, lambda progress: gamma ** math.floor(progress / every + 1e-9))


def exponential(*, final: PositiveFactor = 0.01, warmup: Share = 0.0) -> Schedule:
    """The same relative decrease at each step: ``final`` to the share of training done.

    Args:
        final: Factor at the end.
        warmup: Share of training in which the factor rises linearly first.
    """
    return _after_warmup(warmup, lambda progress: final**progress)


def polynomial(*, power: Annotated[float, Gt(0)] = 1.0, final: Factor = 0.0, warmup: Share = 0.0) -> Schedule:
    """(1 - final) (1 - progress)^power + final; linear decay with power 1 (arXiv:1606.00915, section 4.1).

    Args:
        power: Exponent.
        final: Factor at the end.
        warmup: Share of training in which the factor rises linearly first.
    """
    return _after_warmup(warmup, lambda progress: (1 - final) * (1 - progress) ** power + final)


def one_cycle(*, warmup: Share = 0.3, start: Factor = 0.04, final: Factor = 4e-6) -> Schedule:
    """Half a cosine up from ``start`` to 1, half a cosine down to ``final`` (arXiv:1708.07120).

    Defaults are those of ``torch.optim.lr_scheduler.OneCycleLR``; momentum is left as it is.

    Args:
        warmup: Share of training in which the factor rises.
        start: Factor at the first step.
        final: Factor at the end.
    """
    fall = _after_warmup(warmup, lambda progress: _cosine(1.0, final, progress))

    def factor(step: int, num_steps: int) -> float:
        num_warmup = round(warmup * num_steps)
        return _cosine(start, 1.0, step / num_warmup) if step < num_warmup else fall(step, num_steps)

    return factor


def inverse_square_root(*, warmup: Share = 0.1) -> Schedule:
    """min(n / w, sqrt(w / n)) at the n-th of w warm-up steps (Vaswani et al. 2017, arXiv:1706.03762, eq. 3).

    The paper's factor, divided by its greatest value so that the learning rate is the peak.

    Args:
        warmup: Share of training in which the factor rises linearly.
    """

    def factor(step: int, num_steps: int) -> float:
        num_warmup = max(1, round(warmup * num_steps))
        number = min(step + 1, num_steps)
        return min(number / num_warmup, math.sqrt(num_warmup / number))

    return factor


def _after_warmup(warmup: float, decay: Callable[[float], float]) -> Schedule:
    """A linear rise to 1, then ``decay`` of the share of the remaining steps that is done."""

    def factor(step: int, num_steps: int) -> float:
        num_warmup = round(warmup * num_steps)
        if step < num_warmup:
            return (step + 1) / num_warmup
        return decay(min(1.0, (step - num_warmup) / max(1, num_steps - num_warmup)))

    return factor


def _cosine(start: float, end: float, progress: float) -> float:
    """Half a cosine wave from ``start`` at 0 to ``end`` at 1."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
