"""The figures that were seen, in a file that is rewritten row by row, and as a table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

PATH = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        row: What was checked.
        command: What was typed.
        figure: What was seen.
        demanded: What it has to be.
        seconds: How long the command took.
    """

    row: str
    command: str
    figure: str
    demanded: str
    seconds: float


def write(row: Row, path: Path = PATH) -> None:
    """Puts a row in the place of the one before it."""
    rows = {each["row"]: each for each in read(path)}
    rows[row.row] = asdict(row)
    path.write_text(json.dumps([rows[name] for name in sorted(rows)], indent=2, ensure_ascii=False) + "\n")


def read(path: Path = PATH) -> list[dict[str, str]]:
    """Every row that was ever seen, sorted."""
    return list(json.loads(path.read_text())) if path.exists() else []


def table(rows: list[Row]) -> list[str]:
    """Lines of a table for people."""
    cells = [("", "seen", "demanded", "seconds")]
    cells += [(each.row, each.figure, each.demanded, f"{each.seconds:.1f}") for each in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(4)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
