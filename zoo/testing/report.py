"""What the checks found, row by row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Row:
    """One check of one entry.

    Attributes:
        entry: Qualified name, ``distribution/name``.
        kind: The entry's kind.
        check: Name of the check.
        outcome: ``"passed"``, ``"failed"``, or ``"skipped"`` where there is a reason not to ask.
        reason: What was expected and what was seen, or why it was skipped; empty when it passed.
        seconds: How long it took.
    """

    entry: str
    kind: str
    check: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """The rows of some entries.

    Attributes:
        rows: One a check that ran or was skipped.
        num_checks: How many there should be: those that the entries' kinds have.
    """

    rows: tuple[Row, ...]
    num_checks: int

    @classmethod
    def joined(cls, reports: Sequence[Self]) -> Self:
        """Several reports as one."""
        return cls(
            tuple(row for report in reports for row in report.rows),
            sum(report.num_checks for report in reports),
        )

    def count(self, outcome: Outcome) -> int:
        """How many rows have that outcome."""
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def num_missing(self) -> int:
        """Checks that neither ran nor were skipped with a reason."""
        told = sum(row.outcome != "skipped" or bool(row.reason) for row in self.rows)
        return max(0, self.num_checks - told)

    @property
    def is_passed(self) -> bool:
        """Whether nothing failed and nothing is missing."""
        return not self.count("failed") and not self.num_missing

    @property
    def summary(self) -> str:
        """One line."""
        missing = f", {self.num_missing} missing" if self.num_missing else ""
        counts = f"{self.count('passed')} passed, {self.count('failed')} failed"
        return f"{self.num_checks} checks: {counts}, {self.count('skipped')} skipped{missing}"
