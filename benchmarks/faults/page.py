"""Writes the figures into docs/explanation/reliability.md: ``python -m benchmarks.faults.page``.

The tables stand between ``<!-- figures: NAME -->`` and ``<!-- end -->`` and are made from the results alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "reliability.md"
RESULT = ROOT / "benchmarks" / "results" / "faults.json"
NOT_RUN = "not measured"
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# What is compared: the row, words of the peers' title, words of Zoo's title.
COMPARED = (
    ("R1", "killed at random moments, it goes on and ends", "goes on", "SIGKILL"),
    ("R1", "killed at random moments, it ends in the same bytes", "same bytes", "SIGKILL"),
    ("R2", "killed at every change of the disk, it goes on and ends", "goes on", "SIGKILL"),
    ("R2", "killed at every change of the disk, it ends in the same bytes", "same bytes", "SIGKILL"),
    ("R6", "a damaged file of the last checkpoint is noticed", "detected", "every file of"),
    ("N1", "NaN or infinity leaves every checkpoint finite", "finite", "finite"),
)
Row = Mapping[str, Any]


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)) + "\n"


def figure(rows: Sequence[Row]) -> str:
    """Survived of tried."""
    if not rows:
        return NOT_RUN
    return f"{sum(row['survived'] for row in rows):,} of {sum(row['tried'] for row in rows):,}"


def compared(rows: Sequence[Row]) -> str:
    """Zoo beside the peers."""
    peers = sorted(
        {row["system"] for row in rows} - {"zoo"}, key=lambda name: not name.startswith("lightning")
    )
    lines = [
        [
            row,
            what,
            figure([each for each in rows if _is(each, "zoo", row, ours)]),
            *(figure([each for each in rows if _is(each, peer, row, theirs)]) for peer in peers),
        ]
        for row, what, theirs, ours in COMPARED
    ]
    return table(["row", "", "Zoo", *map(_title, peers)], lines)


def all_rows(rows: Sequence[Row]) -> str:
    """Everything that Zoo was put through."""
    lines = [
        [row["row"], row["title"], figure([row]), f"{len(row['landed']):,}"]
        for row in rows
        if row["system"] == "zoo"
    ]
    return table(["row", "fault", "survived", "places where it landed"], lines)


def render(text: str, rows: Sequence[Row]) -> str:
    """The page with its tables."""
    tables = {"compared": compared, "all": all_rows}
    return _BLOCK.sub(lambda match: f"{match[1]}{tables[match[2]](rows)}{match[3]}", text)


def _is(row: Row, system: str, name: str, words: str) -> bool:
    return row["system"] == system and row["row"] == name and words in row["title"]


def _title(system: str) -> str:
    name, _, version = system.partition(" ")
    return {"lightning": "Lightning", "transformers": "Hugging Face Trainer"}[name] + f" {version}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(), json.loads(RESULT.read_text())))
