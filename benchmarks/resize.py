"""Resizing in the exported graph against Pillow: ``python -m benchmarks.resize``.

Both take uint8 pictures and give uint8 pictures of the network's size; Pillow with its antialiased
``BILINEAR``. The two take turns, so that a busy machine slows both alike. Pillow's is measured on decoded
pictures, conversions to and from arrays included, since that is what it would take in its place.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import PIL
from PIL import Image

from zoo.contracts.tensors import TensorSpec
from zoo.preprocessing import image
from zoo.preprocessing.graphs import cut, open_session

RESULT = Path(__file__).parent / "results" / "resize.json"
SIZE = (224, 224)
# Height and width in pixels.
SIZES = (
    (1, 1), (1, 2), (2, 1), (3, 5), (8, 8), (17, 9), (28, 28), (32, 32), (64, 48), (100, 333), (224, 224),
    (225, 223), (240, 320), (375, 500), (480, 640), (768, 1024), (1080, 1920), (1500, 1500), (2000, 3000),
    (3000, 2000),
)  # fmt: skip
REPEATS = 7

Resizer = Callable[[Any], Any]


def in_graph(channels: int) -> Resizer:
    """The first stage of a fitted preprocessing graph, on one thread as in Pillow."""
    spec = TensorSpec("image", "image", "uint8", (None, None, channels))
    sample = [np.zeros((4, 4, channels), np.uint8)]
    fitted = image.fit(spec, sample, "image", image.Geometry(size=SIZE, fit="stretch"))
    session = open_session(cut(fitted.graph, ["image"], fitted.stored), num_threads=1)
    return lambda picture: session.run(None, {"image": picture[None]})[0][0]


def with_pillow(picture: Any) -> Any:
    """What Pillow makes of the same pixels."""
    height, width = SIZE
    squeezed = picture[:, :, 0] if picture.shape[2] == 1 else picture
    resized = Image.fromarray(squeezed).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized).reshape(height, width, -1)


def compare(size: tuple[int, int], channels: int, resize: Resizer) -> dict[str, Any]:
    """The largest difference in grey levels, and both medians of the time in milliseconds."""
    picture = np.random.default_rng(size).integers(0, 256, (*size, channels), np.uint8)
    difference = np.abs(resize(picture).astype(int) - with_pillow(picture).astype(int))
    times: dict[str, list[float]] = {"graph": [], "pillow": []}
    for _ in range(REPEATS):
        for name, call in (("graph", resize), ("pillow", with_pillow)):
            started_at = time.perf_counter()
            call(picture)
            times[name].append(1000 * (time.perf_counter() - started_at))
    graph_ms, pillow_ms = median(times["graph"]), median(times["pillow"])
    return {
        "height": size[0],
        "width": size[1],
        "channels": channels,
        "worst_grey_levels": int(difference.max()),
        "share_that_differs": round(float((difference > 0).mean()), 5),
        "graph_ms": round(graph_ms, 3),
        "pillow_ms": round(pillow_ms, 3),
        "times_as_fast_as_pillow": round(pillow_ms / graph_ms, 2),
    }


def main() -> None:
    """Compares every size in grey and in colour, prints a table and keeps the figures."""
    rows = []
    print("height width channels  worst  differing  graph ms  Pillow ms  ratio")
    for channels in (1, 3):
        resize = in_graph(channels)
        for size in SIZES:
            row = compare(size, channels, resize)
            rows.append(row)
            print(
                f"{row['height']:6} {row['width']:5} {row['channels']:8} {row['worst_grey_levels']:6} "
                f"{row['share_that_differs']:10.2%} {row['graph_ms']:9.2f} {row['pillow_ms']:10.2f} "
                f"{row['times_as_fast_as_pillow']:6.2f}"
            )
    worst = max(row["worst_grey_levels"] for row in rows)
    ratio = median(row["times_as_fast_as_pillow"] for row in rows)
    document = {
        "to": list(SIZE),
        "worst_grey_levels": worst,
        "median_times_as_fast_as_pillow": round(ratio, 2),
        "versions": {"pillow": PIL.__version__, "onnxruntime": onnxruntime.__version__},
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nworst difference {worst} grey levels; in the median {ratio:.2f} times as fast as Pillow")


if __name__ == "__main__":
    main()
