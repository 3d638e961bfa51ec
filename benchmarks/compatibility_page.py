"""Writes docs/reference/compatibility.md from docs/compatibility.json: ``python -m benchmarks.compatibility_page``."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.compatibility import known, results, unsupported
from benchmarks.facts import LIBRARIES, ROOT
from benchmarks.page import table

PAGE = ROOT / "docs" / "reference" / "compatibility.md"
_HEAD = """# Compatibility

Which networks of timm and torchvision Zoo trains, exports and proves. `python -m benchmarks.compatibility --all`
takes each architecture through the registry, trains it one step, exports it with a dynamic batch axis, and
runs it in ONNX Runtime at batch 1, 2 and 5. It passes if no score differs by more than 0.001 of the largest one and the
highest score belongs to the same class; of masks and boxes, whose scores are many and nearly tied, at 999 of 1,000
places, and boxes and qualities differ as little as scores. Weights that start at nought are drawn anew first, so that
an output of nought cannot pass. Pictures are of 128 x 128 pixels where a network takes them, clips of 16 frames.
`python -m benchmarks.compatibility timm/resnet18` tries one again.

This page is written from [compatibility.json](../compatibility.json) by `python -m benchmarks.compatibility_page`.
"""
Rows = Iterable[Mapping[str, Any]]


def render() -> str:
    """The whole page."""
    facts, found = known(), results()
    rows = [{**row, "family": facts[name]["family"]} for name, row in sorted(found.items()) if name in facts]
    parts = [_HEAD, _totals(rows, facts), "## Not passed", _problems(rows)]
    parts += ["## Offered by name alone", _unsupported(), "## By family"]
    for library in LIBRARIES:
        families = [row for row in rows if row["architecture"].startswith(f"{library}/")]
        if families:
            parts += [f"### {library}", _families(families)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _totals(rows: Rows, facts: Mapping[str, Any]) -> str:
    lines = []
    for library in LIBRARIES:
        counts = Counter(row["status"] for row in rows if row["architecture"].startswith(f"{library}/"))
        run = counts["passed"] + counts["failed"]
        offered = sum(name.startswith(f"{library}/") for name in facts)
        share = f"{100 * counts['passed'] / run:.1f} %" if run else "-"
        lines.append([library, offered, run, counts["passed"], share, counts["failed"], counts["skipped"]])
    return table(["library", "offered", "run", "passed", "of those run", "failed", "too large"], lines)


def _problems(rows: Rows) -> str:
    problems = [row for row in rows if row["status"] != "passed"]
    if not problems:
        return "None."
    return table(
        ["architecture", "status", "cause"],
        [[f"`{row['architecture']}`", row["status"], _escaped(row["reason"])] for row in problems],
    )


def _unsupported() -> str:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in unsupported().items():
        by_reason[reason].append(f"`{name}`")
    return table(
        ["architectures", "reason"],
        [[", ".join(names), _escaped(reason)] for reason, names in by_reason.items()],
    )


def _families(rows: Rows) -> str:
    by_family: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_family[row["family"]].append(row)
    return table(
        ["family", "passed", "failed", "too large", "largest relative error"],
        [[family, *_counts(members), _worst(members)] for family, members in sorted(by_family.items())],
    )


def _counts(rows: Rows) -> list[int]:
    counts = Counter(row["status"] for row in rows)
    return [counts["passed"], counts["failed"], counts["skipped"]]


def _worst(rows: Rows) -> str:
    errors = [row["max_relative_error"] for row in rows if row["status"] == "passed"]
    return f"{max(errors):.1e}" if errors else "-"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    PAGE.write_text(render(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
