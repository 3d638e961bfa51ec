"""Checks of a trained model: a certified file whose golden examples agree."""

from zoo import models
from zoo.runtime.verify import verify
from zoo.testing.checks import Subject
from zoo.testing.registration import suite


def gives_a_verified_file(subject: Subject) -> None:
    """The factory gives a file that is whole, and that answers here as it did where it was exported."""
    verify(models.file_of(subject.registered, subject.registry))


SUITE = suite(gives_a_verified_file)
