"""Checks of a schedule: a pure function of the step."""

import math

from zoo.testing.checks import Subject, expect
from zoo.testing.registration import suite

_LENGTHS = (1, 2, 3, 100)


def is_pure(subject: Subject) -> None:
    """The factor depends on the step and the number of steps alone, in whatever order it is asked."""
    one, other = subject.make(), subject.make()
    forth = [one(step, 100) for step in range(100)]
    back = [one(step, 100) for step in reversed(range(100))][::-1]
    anew = [other(step, 100) for step in range(100)]
    for seen, order in ((back, "asked backwards"), (anew, "made anew")):
        apart = [step for step in range(100) if forth[step] != seen[step]]
        expect(not apart, "the same factor for the same step", f"another at step {apart[:1]} when {order}")


def gives_finite_factors(subject: Subject) -> None:
    """The factor is a finite number from 0 up at every step, also of a run of a single one."""
    schedule = subject.make()
    for num_steps in _LENGTHS:
        for step in range(num_steps):
            factor = schedule(step, num_steps)
            is_right = isinstance(factor, int | float) and math.isfinite(factor) and factor >= 0
            expect(is_right, "a finite number from 0 up", f"{factor!r} at step {step} of {num_steps}")


SUITE = suite(is_pure, gives_finite_factors)
