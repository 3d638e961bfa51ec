"""Step time and memory as the data and the network grow: ``python -m benchmarks.growth``.

Each point is a ``zoo train mlp`` of its own process on a folder of ``.npy`` files, 16 numbers and one value a
row, stopped after some hundred steps. A step's time is the median between two steps; memory is what the
process holds that is no mapped file (``RssAnon``), so it counts all that grows beside the data. The network
grows on 100,000 rows, the data with two hidden layers of 128. Writes ``docs/images/growth.svg`` too.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import zoo
from zoo.training.progress import Progress

RESULT = Path(__file__).parent / "results" / "growth.json"
PLOT = Path(__file__).parents[1] / "docs" / "images" / "growth.svg"
ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
WIDTHS = (92, 308, 990, 3150, 9985)
NUM_FEATURES, HELD_OUT = 16, 1_000
SMALL, FIXED_ROWS = 128, 100_000


class EnoughError(Exception):
    """Enough steps were seen."""


class Watch(Progress):
    """Times the steps, and ends the training."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps
        self.moments: list[float] = []

    def stepped(self, step: int, num_examples: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Ends the training after the last step."""
        self.moments.append(time.perf_counter())
        if step == self.num_steps:
            raise EnoughError


def write_data(folder: Path, num_rows: int) -> None:
    """The three splits, row by row of noise; the value is a sum of the numbers."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for role, length in (("train", num_rows), ("validation", HELD_OUT), ("test", HELD_OUT)):
        shape = (length, NUM_FEATURES)
        x = np.lib.format.open_memmap(folder / f"x_{role}.npy", "w+", np.float32, shape)
        y = np.lib.format.open_memmap(folder / f"y_{role}.npy", "w+", np.float32, (length,))
        for start in range(0, length, 100_000):
            part = slice(start, start + 100_000)
            x[part] = rng.standard_normal(x[part].shape, np.float32)
            y[part] = x[part].sum(axis=1)


def point(folder: Path, width: int, num_steps: int) -> dict[str, Any]:
    """One training, measured in this process."""
    torch.set_num_threads(1)
    watch, started_at = Watch(num_steps), time.perf_counter()
    with tempfile.TemporaryDirectory() as run:
        try:
            zoo.train(
                {"name": "mlp", "hidden": [width, width]},
                data=folder,
                batch_size=64,
                epochs=1000,
                device="cpu",
                run=Path(run) / "run",
                progress=watch,
            )
        except EnoughError:
            memory = resident()
    steps = np.diff(watch.moments)[num_steps // 10 :]
    return {
        "step_us": round(1e6 * median(steps.tolist()), 1),
        "first_step_s": round(watch.moments[0] - started_at, 2),
        **memory,
    }


def resident() -> dict[str, int]:
    """MiB of this process, in memory of its own and of mapped files."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        name: int(lines[key].split()[0]) // 1024
        for name, key in (("own_mib", "RssAnon"), ("mapped_mib", "RssFile"))
    }


def measured(folder: Path, width: int, num_steps: int) -> dict[str, Any]:
    """One training in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", str(folder), str(width), str(num_steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout)
    print(row, flush=True)
    return row


def num_parameters(width: int) -> int:
    """Weights and biases of the network."""
    return (NUM_FEATURES + 1) * width + (width + 1) * width + width + 1


def measure(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every point; each data set is removed once it was used."""
    rows = []
    for num_rows in ROWS:
        data = folder / str(num_rows)
        write_data(data, num_rows)
        rows.append({"rows": num_rows, **measured(data, SMALL, 400)})
        if num_rows != FIXED_ROWS:
            for file in data.iterdir():
                file.unlink()
    parameters = [
        {
            "parameters": num_parameters(width),
            **measured(folder / str(FIXED_ROWS), width, 400 if width < 1000 else 20),
        }
        for width in WIDTHS
    ]
    return {"rows": rows, "parameters": parameters}


def drawing(points: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Four panels with logarithmic axes."""
    parts = [
        f"<rect x='0' y='0' width='{_WIDTH}' height='{_HEIGHT}' fill='white'/>",
        *panel(70, 40, points["rows"], "rows", "step_us", "step, µs", "rows of data"),
        *panel(70, 300, points["rows"], "rows", "own_mib", "memory of its own, MiB", "rows of data"),
        *panel(500, 40, points["parameters"], "parameters", "step_us", "step, µs", "parameters"),
        *panel(
            500, 300, points["parameters"], "parameters", "own_mib", "memory of its own, MiB", "parameters"
        ),
    ]
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' font-size='12'"
    return f"{head} {_FONT}>\n" + "\n".join(parts) + "\n</svg>\n"


_WIDTH, _HEIGHT, _PANEL = 880, 540, (340, 180)
_FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def panel(
    left: int, top: int, points: Sequence[Mapping[str, Any]], x: str, y: str, title: str, below: str
) -> Iterable[str]:
    """One curve over decades."""
    width, height = _PANEL
    low, high = (np.log10([min(p[x] for p in points), max(p[x] for p in points)])).tolist()
    bottom = np.floor(np.log10(min(p[y] for p in points)))
    above = max(np.ceil(np.log10(max(p[y] for p in points))), bottom + 2)

    def place(point: Mapping[str, Any]) -> tuple[float, float]:
        across = (np.log10(point[x]) - low) / (high - low)
        up = (np.log10(point[y]) - bottom) / (above - bottom)
        return round(left + width * across, 1), round(top + height * (1 - up), 1)

    yield f"<text x='{left}' y='{top - 12}' font-weight='bold'>{title}</text>"
    yield f"<text x='{left + width / 2}' y='{top + height + 36}' text-anchor='middle'>{below}</text>"
    for decade in range(int(bottom), int(above) + 1):
        line = round(top + height * (1 - (decade - bottom) / (above - bottom)), 1)
        yield f"<path d='M{left} {line}h{width}' stroke='#cccccc'/>"
        yield f"<text x='{left - 6}' y='{line + 4}' text-anchor='end'>{10**decade:,}</text>"
    curve = " ".join(f"{across},{down}" for across, down in map(place, points))
    yield f"<polyline points='{curve}' fill='none' stroke='#00796b' stroke-width='2'/>"
    for each in points:
        across, down = place(each)
        yield f"<circle cx='{across}' cy='{down}' r='3.5' fill='#00796b'/>"
        yield f"<text x='{across}' y='{down - 8}' text-anchor='middle'>{each[y]:,.0f}</text>"
        yield f"<text x='{across}' y='{top + height + 18}' text-anchor='middle'>{_short(each[x])}</text>"


def _short(number: int) -> str:
    return f"{number / 1e6:.0f} M" if number >= 999_000 else f"{number / 1e3:.0f} k"


def main() -> None:
    """Measures every point, keeps the figures and draws them."""
    if len(sys.argv) > 1:
        folder, width, num_steps = sys.argv[1:]
        print(json.dumps(point(Path(folder), int(width), int(num_steps))))
        return
    with tempfile.TemporaryDirectory() as name:
        points = measure(Path(name))
    RESULT.write_text(json.dumps({"features": NUM_FEATURES, "batch_size": 64, **points}, indent=2) + "\n")
    PLOT.write_text(drawing(points), encoding="utf-8")


if __name__ == "__main__":
    main()
