"""Checks of losses."""

from zoo.testing.registration import suite

SUITE = suite()
