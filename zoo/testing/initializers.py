"""Checks of an initializer: it fills a tensor in place."""

import torch

from zoo.errors import UsageError
from zoo.testing.checks import Inapplicable, Subject, expect
from zoo.testing.registration import suite

_SHAPES = ((8, 6), (6, 4, 3, 3), (8,))


def fills_every_number(subject: Subject) -> None:
    """Every number of a tensor is overwritten in place with a finite one."""
    fill = subject.make()
    for shape in _fillable(subject):
        tensor = torch.full(shape, torch.nan)
        fill(tensor)
        num_left = int((~tensor.isfinite()).sum())
        expect(not num_left, f"{tensor.numel()} finite numbers in place", f"{num_left} are not, of {shape}")


def follows_the_seed(subject: Subject) -> None:
    """What is drawn follows from torch's seed."""
    fill = subject.make()
    for shape in _fillable(subject):
        drawn = []
        for _ in range(2):
            torch.manual_seed(1)
            drawn.append(torch.zeros(shape))
            fill(drawn[-1])
        expect(torch.equal(*drawn), "the same numbers from the same seed", f"others, for {shape}")


def _fillable(subject: Subject) -> list[tuple[int, ...]]:
    """Shapes that it does not refuse.

    Raises:
        Inapplicable: It refuses all of them.
    """
    shapes: list[tuple[int, ...]] = []
    for shape in _SHAPES:
        try:
            subject.make()(torch.zeros(shape))
        except UsageError:
            continue
        shapes.append(shape)
    if not shapes:
        raise Inapplicable(f"it refuses shapes {', '.join(map(str, _SHAPES))}")
    return shapes


SUITE = suite(fills_every_number, follows_the_seed)
