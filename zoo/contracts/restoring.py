"""Whether a network is built to be given weights that a run already has."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_RESTORING: ContextVar[bool] = ContextVar("is_restoring", default=False)


def is_restoring() -> bool:
    """Whether all weights of the network that a factory is building will be replaced by those of a checkpoint.

    A factory that begins with weights from elsewhere need not fetch them then: a run goes on, and is
    exported, on a machine that never had them.
    """
    return _IS_RESTORING.get()


@contextmanager
def restoring(*, when: bool = True) -> Iterator[None]:
    """What is built within is restored from a checkpoint, in this thread."""
    token = _IS_RESTORING.set(when)
    try:
        yield
    finally:
        _IS_RESTORING.reset(token)
