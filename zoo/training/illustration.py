"""Draws what a network answers, where that is to be looked at and not counted."""

from collections.abc import Callable, Mapping
from typing import Any

from zoo.contracts.targets import Sample, Target
from zoo.runtime.drawing import draw_grid


def illustration(target: Target, answers: Callable[[], Mapping[str, Any]]) -> bytes:
    """A PNG of the answers to some held-out examples; empty where they are no pictures.

    Args:
        target: What is predicted.
        answers: Gives the answers; not called where there is nothing to draw.
    """
    return draw_grid(answers()[target.judged_by]) if isinstance(target, Sample) else b""
