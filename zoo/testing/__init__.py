"""The conformance kit: whether what a plugin offers keeps the contract, check by check.

A plugin's own tests hold three lines::

    from zoo.testing import conformance

    test_conformance = conformance("zoo-mynet")

and ``zoo check zoo-mynet`` runs the same checks in processes of their own.
"""

from zoo.testing.conformance import conformance
from zoo.testing.report import Report, Row
from zoo.testing.running import check

__all__ = ["Report", "Row", "check", "conformance"]
