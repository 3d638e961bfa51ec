"""A run's learning curves and results as one HTML file that needs nothing else."""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from zoo.runs import Run

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 560, 260, 64, 36, 28
_COLOURS = {"train": "#b45309", "validation": "#1d4ed8"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; color: #111 }
figure { margin: 0 } svg { max-width: 100%; height: auto } .charts { display: flex; flex-wrap: wrap; gap: 1rem }
table { border-collapse: collapse } td, th { padding: .2rem 1rem .2rem 0; text-align: left }
td { font-variant-numeric: tabular-nums } pre { background: #f5f5f4; padding: 1rem; overflow: auto }
"""

Points = Sequence[tuple[float, float]]


def render(run: Run, metrics: Mapping[str, Mapping[str, float]]) -> str:
    """The report of a run.

    Args:
        run: Its ``metrics.jsonl`` and ``recipe.toml`` are read.
        metrics: Final metrics by split.
    """
    lines = [json.loads(line) for line in run.metrics_path.read_text().splitlines()]
    names = list(lines[-1]["validation"]) if lines else []
    charts = "".join(_chart(name, _curves(lines, name)) for name in names)
    recipe = escape(run.recipe_path.read_text())
    title = escape(run.path.name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{_table(metrics)}<h2>Learning curves</h2>"
        f'<div class="charts">{charts}</div><h2>Recipe</h2><pre>{recipe}</pre></html>\n'
    )


def _curves(lines: Sequence[Mapping[str, Any]], name: str) -> dict[str, Points]:
    curves = {
        split: [(line["epoch"], line[split][name]) for line in lines if line[split].get(name) is not None]
        for split in _COLOURS
    }
    return {split: points for split, points in curves.items() if points}


def _table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    names = list(next(iter(metrics.values())))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{escape(split)}</th>{''.join(f'<td>{values[name]:.4g}</td>' for name in names)}</tr>"
        for split, values in metrics.items()
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _chart(name: str, curves: Mapping[str, Points]) -> str:
    """One metric by epoch, as SVG."""
    values = [value for points in curves.values() for _, value in points]
    epochs = [epoch for points in curves.values() for epoch, _ in points]
    if not values:
        return ""
    ticks = _ticks(min(values), max(values))
    low, high = min(ticks[0], min(values)), max(ticks[-1], max(values))
    last = max(epochs)

    def place(epoch: float, value: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - 16) * ((epoch - 1) / (last - 1) if last > 1 else 0.5)
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))
        return f"{x:.1f},{y:.1f}"

    grid = "".join(_grid_line(place(1, tick), tick) for tick in ticks)
    lines = "".join(
        f'<polyline points="{" ".join(place(*point) for point in points)}" fill="none" '
        f'stroke="{_COLOURS[split]}" stroke-width="2"/>'
        f'<text x="{_LEFT + 110 * row}" y="16" fill="{_COLOURS[split]}">{split}</text>'
        for row, (split, points) in enumerate(curves.items())
    )
    axis = (
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">epoch 1</text>'
        f'<text x="{_WIDTH - 16}" y="{_HEIGHT - 8}" text-anchor="end">{last:g}</text>'
    )
    return (
        f'<figure><figcaption>{escape(name)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" font-size="13" role="img">{grid}{axis}{lines}</svg></figure>'
    )


def _grid_line(place: str, tick: float) -> str:
    y = place.partition(",")[2]
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y}" y2="{y}" stroke="#d6d3d1"/>'
        f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end" dominant-baseline="middle">{tick:g}</text>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers that span the values."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(each * magnitude for each in (1, 2, 5, 10) if each * magnitude >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(place * step, 12) for place in range(first, last + 1)]
