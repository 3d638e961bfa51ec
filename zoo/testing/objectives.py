"""Checks of objectives."""

from zoo.testing.registration import suite

SUITE = suite()
