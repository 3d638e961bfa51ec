"""``python -m benchmarks.optimizers_page``: writes the figures into docs/how-to/optimizers.md."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.optimizers import totals
from benchmarks.page import machine_line, table

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "optimizers.md"
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLUMNS = {
    "optimizers": "optimizers",
    "unsupported": "unsupported",
    "used": "can be used",
    "quadratic": "descend a quadratic",
    "rosenbrock": "descend Rosenbrock's valley",
    "resume_bitwise": "resume bitwise",
}
Row = Mapping[str, Any]


def render(text: str) -> str:
    """The page with every table as the results have it."""
    document = machine.read("optimizers")
    blocks = {"totals": _totals, "unsupported": _unsupported, "exceptions": _exceptions}
    return _BLOCK.sub(lambda found: f"{found[1]}\n{blocks[found[2]](document)}\n\n{found[3]}", text)


def _totals(document: Any) -> str:
    by_distribution = groupby(document["optimizers"], key=_distribution)
    rows = [[f"`{name}`", *totals(list(rows)).values()] for name, rows in by_distribution]
    rows.append(["all", *totals(document["optimizers"]).values()])
    return f"{table(['from', *_COLUMNS.values()], rows)}\n\n{machine_line(document)}"


def _unsupported(document: Any) -> str:
    by_reason: dict[str, list[str]] = {}
    for row in document["optimizers"]:
        if row["status"] == "unsupported":
            by_reason.setdefault(row["reason"], []).append(f"`{_short(row)}`")
    return table(["why", "optimizers"], [[why, ", ".join(names)] for why, names in by_reason.items()])


def _exceptions(document: Any) -> str:
    used = [row for row in document["optimizers"] if row["status"] != "unsupported"]
    rows = [
        ["fails", _names(row for row in used if row["status"] == "failed")],
        *(
            [f"not the quadratic: {row['reason']}", f"`{_short(row)}`"]
            for row in used
            if row["status"] == "exception"
        ),
        ["not Rosenbrock's valley", _names(row for row in used if row.get("rosenbrock", 0) is None)],
    ]
    return table(["what", "optimizers"], rows)


def _names(rows: Iterable[Row]) -> str:
    return ", ".join(f"`{_short(row)}`" for row in rows) or "none"


def _distribution(row: Row) -> str:
    return str(row["optimizer"].partition("/")[0])


def _short(row: Row) -> str:
    return str(row["optimizer"]).removeprefix("zoo-")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
