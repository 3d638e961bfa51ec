"""Checks of metrics."""

from zoo.testing.registration import suite

SUITE = suite()
