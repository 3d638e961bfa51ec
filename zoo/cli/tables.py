"""Aligned columns of plain text, quick to import and easy to cut."""

import shutil
import sys
from collections.abc import Sequence

from zoo.cli.program import printable


def render(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Rows as aligned columns; on a terminal the last column is cut at its width."""
    cells = [[printable(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    if not cells:
        return ""
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        lines = [line if len(line) <= columns else line[: columns - 1] + "…" for line in lines]
    return "\n".join(lines)


def pack(words: Sequence[str]) -> str:
    """One word a line; on a terminal as many columns as fit, to be read downwards."""
    words = [printable(word) for word in words]
    width = max(map(len, words), default=0) + 2
    num_columns = shutil.get_terminal_size().columns // width if sys.stdout.isatty() else 1
    num_rows = -(-len(words) // max(num_columns, 1))
    rows = [words[row::num_rows] for row in range(num_rows)]
    return "\n".join("".join(word.ljust(width) for word in row).rstrip() for row in rows)
