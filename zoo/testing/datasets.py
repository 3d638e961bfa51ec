"""Checks of datasets."""

from zoo.testing.registration import suite

SUITE = suite()
