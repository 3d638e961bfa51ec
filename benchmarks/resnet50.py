"""ResNet-50 in bfloat16 at 224 x 224 pixels: ``python -m benchmarks.resnet50 --device cuda``.

Zoo trains torchvision's network on synthetic uint8 pictures that stay in memory, eager and compiled; a bare
loop over one batch that is ready on the device, in the same run, is the limit. A step lasts from one forward
to the next, or, where it is compiled, from one report of a step to the next, over the last epoch as a whole
and without its end; the device is waited for at both ends. Operations are counted by
``torch.utils.flop_counter`` over forward and backward, a multiplication and an addition being two.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import zoo
from benchmarks import machine, page
from benchmarks.loops.works import RATE
from zoo.plugin import Architecture, Classes, Dataset, Examples, Signature, Splits, TensorSpec
from zoo.registry import Plugin, Registry
from zoo.training.progress import Progress

# Dense bfloat16 operations a second by NVIDIA's data sheets.
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
NUM_CLASSES = 10
_NUM_HELD_OUT = 16
LOOPS: Mapping[str, tuple[str, dict[str, Any] | None]] = {
    "bare": ("bare loop, bf16", None),
    "zoo": ("Zoo, bf16", {}),
    "compiled": ("Zoo, bf16, compile=true", {"compiled": True}),
    "float32": ("Zoo, float32", {"precision": "float32"}),
}
COLUMNS = {
    "loop": "loop",
    "examples_per_s": "examples a second",
    "ratio": "step over the bare loop's",
    "peak_share": "share of the chip's peak",
    "memory_gib": "largest memory, GiB",
}


def network(signature: Signature) -> nn.Module:
    """ResNet-50 of torchvision."""
    return torchvision.models.resnet50(num_classes=NUM_CLASSES)


def pictures(*, side: int = 224, num_train: int = 4096) -> Splits:
    """Random pixels; only their number and size matter."""
    draw = np.random.default_rng(0)
    labels = tuple(str(each) for each in range(NUM_CLASSES))

    def split(name: str, count: int) -> Examples:
        pixels = draw.integers(0, 256, (count, side, side, 3), np.uint8)
        truth = np.array([labels[row % NUM_CLASSES] for row in range(count)], dtype=object)
        return Examples({"image": pixels}, truth, [f"{name} {row}" for row in range(count)])

    inputs = (TensorSpec("image", "image", "uint8", (None, None, 3)),)
    held_out = (split("validation", _NUM_HELD_OUT), split("test", _NUM_HELD_OUT))
    return Splits(Signature(inputs, Classes(labels)), split("train", num_train), *held_out)


def registry() -> Registry:
    """What is installed, and the network and pictures."""
    entries = (
        Architecture(
            name="bench-resnet50",
            factory="benchmarks.resnet50:network",
            summary="",
            accepts=("image",),
            predicts=("classes",),
        ),
        Dataset(name="bench-pictures", factory="benchmarks.resnet50:pictures", summary=""),
    )
    found = Registry.discover()
    return Registry(plugins=[*found.plugins, Plugin("zoo-bench", "1.0", "benchmarks.resnet50", entries)])


class Watch(Progress):
    """When each step was over on the device; it waits for the device every so many steps only."""

    def __init__(self, device: str, every: int) -> None:
        self._device, self._every = device, every
        self.moments: list[tuple[int, float]] = []

    def stepped(self, step: int, num_examples: int, losses: Mapping[str, Tensor]) -> None:
        """Keeps the first and the last step of each epoch."""
        if step % self._every in (1, self._every - 1):
            machine.wait(self._device)
            self.moments.append((step, time.perf_counter()))

    def seconds(self) -> float:
        """Of a step: the median of all epochs but the first, in which it compiles and warms up."""
        pairs = zip(self.moments[2::2], self.moments[3::2], strict=False)
        return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)


def ours(given: argparse.Namespace, *, compiled: bool = False, precision: str = "bf16") -> float:
    """Seconds of a step."""
    steps = given.steps
    watch = Watch(given.device, steps)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        zoo.train(
            "bench-resnet50",
            data={
                "name": "bench-pictures",
                "side": given.side,
                "num_train": given.batch * steps,
                "size": given.side,
            },
            run=Path(folder) / "run",
            registry=registry(),
            progress=watch,
            optimizer={"name": "adam", "lr": RATE},
            schedule="constant",
            batch_size=given.batch,
            epochs=given.epochs,
            device=given.device,
            precision=precision,
            compile=compiled,
        )
    return watch.seconds()


def bare(given: argparse.Namespace) -> tuple[float, float]:
    """Seconds of a step over one batch that is ready, and the operations of one example."""
    device = torch.device(given.device)
    model = torchvision.models.resnet50(num_classes=NUM_CLASSES).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    shape = (given.batch, 3, given.side, given.side)
    x = torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, NUM_CLASSES, (given.batch,), device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    with FlopCounterMode(display=False) as counter:
        step()
    times = []
    for _ in range(given.epochs):
        machine.wait(given.device)
        started_at = time.perf_counter()
        for _ in range(given.steps):
            step()
        machine.wait(given.device)
        times.append((time.perf_counter() - started_at) / given.steps)
    return median(times[1:] or times), counter.get_total_flops() / given.batch


def memory_gib(device: str) -> float | None:
    """The most that was held on the device since it was last asked."""
    if device != "cuda":
        return None
    most = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return round(most, 2)


def peak(device: str) -> float | None:
    """Its dense bfloat16 operations a second, if they are known."""
    chip = machine.gpu() if device == "cuda" else ""
    return next((each for name, each in PEAKS.items() if name in chip), None)


def main() -> None:
    """Measures, prints a table, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--steps", type=int, default=20, help="steps an epoch, at least three")
    parser.add_argument("--epochs", type=int, default=4, help="the first is not counted; at least two")
    parser.add_argument("--loops", default=",".join(LOOPS))
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    most = peak(given.device)
    base, operations = bare(given)
    peak_text = f"Peak {most / 1e12:.0f} TFLOPS" if most else "Peak not known"
    note = (
        f"{peak_text}; batch {given.batch}, {given.side} x {given.side} pixels, "
        f"{operations / 1e9:.2f} G operations an example, forward and backward."
    )
    about = machine.about("torchvision", device=given.device)
    rows: list[dict[str, Any]] = []
    for loop in given.loops.split(","):
        title, settings = LOOPS[loop]
        seconds = base if settings is None else ours(given, **settings)
        share = None if most is None else round(operations * given.batch / seconds / most, 3)
        figures = {"examples_per_s": round(given.batch / seconds, 1), "ratio": round(seconds / base, 3)}
        rows.append({"loop": title, **figures, "peak_share": share, "memory_gib": memory_gib(given.device)})
        print(rows[-1], flush=True)
        if not given.dry:
            machine.keep("resnet50", {**about, "note": note, "columns": COLUMNS, "rows": rows})
    print(note)
    if not given.dry:
        page.write()


if __name__ == "__main__":
    main()
