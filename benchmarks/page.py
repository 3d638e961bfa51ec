"""Writes the measured figures into docs/explanation/performance.md and draws its plot: ``python -m benchmarks.page``.

A table stands between ``<!-- figures: NAME -->`` and ``<!-- end -->`` and is made from the results' file of
that name alone, so that no figure is typed by hand.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "performance.md"
PLOT = ROOT / "docs" / "images" / "loops.svg"
NOT_RUN = "*Not measured yet.*"
_BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"
_PICTURE = "![Time of a step over that of a bare loop](../images/loops.svg)"
_WORK_COLUMNS = ("a", "d", "b", "c")
Row = Sequence[Any]
Document = Mapping[str, Any]

TITLES = {
    "limit": "bare loop (the limit)",
    "zoo": "**Zoo**",
    "tutorial": "PyTorch tutorial",
    "fabric": "Fabric",
    "accelerate": "Accelerate",
    "skorch": "skorch",
    "lightning": "Lightning",
    "lightning-log": "Lightning, self.log",
    "lightning-barebones": "Lightning, barebones",
    "hugging-face": "Hugging Face Trainer",
    "keras": "Keras (torch)",
}


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine_line(document: Document) -> str:
    """What the figures were measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    return f"{document['processor']}, {document['cores']} cores, Python {document['python']}; {versions}."


def title_of(loop: str) -> str:
    """A loop's name for readers."""
    name, _, fused = loop.partition(", ")
    return TITLES[name] + (", fused Adam" if fused else "")


def loops(document: Document) -> str:
    """The ratio to the bare loop for each work, and the Python calls."""
    works = {work["work"]: work for work in document["works"]}
    names = [work for work in _WORK_COLUMNS if work in works]
    cells = {name: {row["loop"]: row for row in works[name]["rows"]} for name in names}
    order = list(dict.fromkeys(loop for name in names for loop in cells[name]))
    last = "d" if "d" in cells else names[0]
    head = ["loop", *(works[name]["title"] for name in names), f"Python calls a step, {works[last]['title']}"]
    rows = []
    for loop in order:
        ratios = [_ratio(cells[name].get(loop), is_limit=loop == "limit") for name in names]
        rows.append([title_of(loop), *ratios, cells[last].get(loop, {}).get("calls", "")])
    settings = table(
        ["loop", "settings"], [[TITLES[name], text] for name, text in _settings(document).items()]
    )
    how = "; ".join(f"{works[name]['title']}: {works[name]['statistic']}" for name in names)
    note = f"Median of {document['rounds']} rounds, smallest and largest in brackets. {how}."
    return "\n\n".join([_PICTURE, table(head, rows), f"{note} {machine_line(document)}", settings])


def _ratio(row: Document | None, *, is_limit: bool) -> str:
    if row is None:
        return ""
    if is_limit:
        return f"1 ({row['step_us'] / 1000:.3g} ms)"
    return f"{row['ratio']:.2f} [{row['ratio_min']:.2f} {row['ratio_max']:.2f}]"


def _settings(document: Document) -> dict[str, str]:
    rows = [row for work in document["works"] for row in work["rows"]]
    return {row["loop"].partition(",")[0]: row["settings"].replace("``", "`") for row in rows}


def rows_of(document: Document) -> str:
    """Any benchmark that names its columns: ``columns`` maps a row's keys to their heads."""
    columns = document["columns"]
    rows = [[_plain(row.get(key)) for key in columns] for row in document["rows"]]
    notes = [document["note"]] if document.get("note") else []
    return "\n\n".join([table(list(columns.values()), rows), " ".join([*notes, machine_line(document)])])


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "" if value is None else str(value)


BLOCKS: Mapping[str, Callable[[Document], str]] = {
    "loops": loops,
    **dict.fromkeys(("compiled", "precision", "exactness", "first_step", "allocation", "resnet50"), rows_of),
    **dict.fromkeys(("teams", "machines"), rows_of),
}


def block(name: str) -> str:
    """The text of one table."""
    document = machine.read(name)
    return NOT_RUN if document is None else f"\n{BLOCKS[name](document)}\n"


def render(text: str) -> str:
    """The page with every table as the results have it."""
    return _BLOCK.sub(lambda found: f"{found[1]}{block(found[2])}\n{found[3]}", text)


def plot(document: Document) -> str:
    """Bars of the short work's ratios, the fastest variant of each loop, as SVG."""
    work = document["works"][0]
    best: dict[str, Document] = {}
    for row in work["rows"]:
        name = row["loop"].partition(",")[0]
        if name not in best or row["ratio"] < best[name]["ratio"]:
            best[name] = row
    rows = sorted(best.items(), key=lambda pair: pair[1]["ratio"])
    scale, height = 520 / max(row["ratio_max"] for _, row in rows), 40 + 30 * len(rows)
    title = f"Time of a step over the bare loop's: {work['title']}"
    parts = [f"<text x='10' y='24' {_FONT} font-size='14' font-weight='bold' fill='#1f2328'>{title}</text>"]
    for place, (name, row) in enumerate(rows):
        parts += _bar(46 + 30 * place, TITLES[name].strip("*"), row, scale, is_ours=name == "zoo")
    body = "\n".join(parts)
    size = f"viewBox='0 0 800 {height + 20}' width='800' height='{height + 20}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>\n<rect width='800' height='{height + 20}' fill='white'/>\n{body}\n</svg>\n"


def _bar(top: int, title: str, row: Document, scale: float, *, is_ours: bool) -> list[str]:
    """One loop: its median as a bar, the range of its rounds as a line."""
    middle, left = top + 10, 190
    low, high = (left + scale * row[key] for key in ("ratio_min", "ratio_max"))
    fill = "#00897b" if is_ours else "#b2dfdb"
    return [
        f"<text x='{left - 8}' y='{middle + 4}' {_FONT} font-size='12' text-anchor='end' fill='#1f2328'>{title}</text>",
        f"<rect x='{left}' y='{top}' width='{scale * row['ratio']:.1f}' height='20' fill='{fill}'/>",
        f"<line x1='{low:.1f}' y1='{middle}' x2='{high:.1f}' y2='{middle}' stroke='#37474f' stroke-width='1.5'/>",
        f"<text x='{high + 8:.1f}' y='{middle + 4}' {_FONT} font-size='12' fill='#1f2328'>{row['ratio']:.2f}</text>",
    ]


def write() -> None:
    """Renders the page and the plot anew."""
    PAGE.write_text(render(PAGE.read_text()))
    document = machine.read("loops")
    if document is not None:
        PLOT.write_text(plot(document))


if __name__ == "__main__":
    write()
