"""Fixtures of the tests of pages."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Reader


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def new_reader(tmp_path: Path):
    """Makes a reader of a page, in an empty folder of their own."""
    return lambda page: Reader(tmp_path, page)
