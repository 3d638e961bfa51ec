"""JPEG folders in training against Pillow in a torch ``DataLoader``: ``python -m benchmarks.pictures``.

The folder is made here: photographs of noise, smooth in the large and rough in the small. Each contender
reads it, brings the pictures to one size, standardises them and, where a network is trained, trains the same
one. ``zoo`` is what ``zoo train`` does from the folder on, its fingerprint included. The loaders have a worker
a core, kept between epochs, once with Pillow's resize and once with that of torchvision's tensors, which its
documentation calls the fastest. ``ready`` is the same training on batches that lie in memory: the limit of a
second epoch. ``decoding`` and ``decoding and resizing`` do nothing else, by the functions that zoo has for it, a
thread a core: no first epoch of zoo's can be shorter. Freed memory is kept as in ``zoo train``, for all of
them. The contenders take turns, so that a busy machine slows all alike. The figures are kept by the number
of cores: ``taskset -c 0,1 python -m benchmarks.pictures`` measures two.
"""

import json
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import PIL
import simplejpeg
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from zoo import preprocessing
from zoo.data import fingerprint
from zoo.data.readers import images
from zoo.preprocessing import Geometry, Wishes
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.image import shrinking
from zoo.preprocessing.shrinking import shrink_all
from zoo.runtime.cores import num_cores
from zoo.runtime.images import ImageFiles, decode_image
from zoo.training.allocation import keep_freed_memory
from zoo.training.encoded import EncodedSplit

RESULT = Path(__file__).parent / "results" / "pictures.json"
NUM_PICTURES = 1000
NUM_SCENES = 60
# Height and width in pixels.
SIZES = ((256, 256), (300, 400), (375, 500), (500, 375))
BATCH_SIZE = 64
ROUNDS = 3
SCENARIOS = {"decode and resize to 224": (224, False), "decode, resize to 64 and train": (64, True)}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
Contender = Callable[[Path, int], Callable[[], Batches]]


def make_pictures(folder: Path) -> int:
    """Writes the files, two classes of them, and says how many bytes one has on average."""
    rng = np.random.default_rng(0)
    scenes = [scene(rng, *SIZES[number % len(SIZES)]) for number in range(NUM_SCENES)]
    total = 0
    for number in range(NUM_PICTURES):
        pixels = np.roll(scenes[number % NUM_SCENES], tuple(rng.integers(0, 250, 2)), axis=(0, 1))
        path = folder / ("light" if number % 2 else "dark") / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path, quality=90)
        total += path.stat().st_size
    return total // NUM_PICTURES


def scene(rng: np.random.Generator, height: int, width: int) -> Any:
    """Patches of colour of several sizes, and the noise of a sensor: uint8 ``[height, width, 3]``."""
    pixels = rng.normal(rng.uniform(100, 160), 5, (height, width, 3))
    for cells in (4, 16, 48):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        pixels += (smooth.astype(float) - 128) * (2 / cells) ** 0.5
    return np.clip(pixels, 0, 255).astype(np.uint8)


def with_zoo(folder: Path, side: int) -> Callable[[], Batches]:
    """Reads, fingerprints, fits and encodes; then every epoch gathers."""
    splits = images.read(folder)
    fingerprint(splits)
    wishes = Wishes(Geometry((side, side)))
    fitted = preprocessing.fit(splits.signature, splits.train, ("image",), wishes)
    split = EncodedSplit(fitted, splits.train, torch.device("cpu"))

    def epoch() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in split.stream(torch.randperm(len(split)).split(BATCH_SIZE)):
            yield batch.inputs[0], batch.target.long()

    return epoch


def in_loader(folder: Path, transform: Any) -> Callable[[], Batches]:
    """A loader over the files, with a worker a core."""
    loader = DataLoader(
        ImageFolder(str(folder), transform),
        BATCH_SIZE,
        shuffle=True,
        num_workers=num_cores(),
        persistent_workers=True,
    )
    return lambda: loader


def with_pillow(folder: Path, side: int) -> Callable[[], Batches]:
    """Pillow decodes and resizes."""
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    return in_loader(folder, v2.Compose([v2.Resize(side), v2.CenterCrop(side), *to_tensor]))


def with_tensors(folder: Path, side: int) -> Callable[[], Batches]:
    """Pillow decodes, torch resizes."""
    resize = [v2.ToImage(), v2.Resize(side, antialias=True), v2.CenterCrop(side)]
    to_floats = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    return in_loader(folder, v2.Compose([*resize, *to_floats]))


def ready(folder: Path, side: int) -> Callable[[], Batches]:
    """Batches that are there already."""
    batches = [
        (torch.randn(len(part), 3, side, side), part % 2)
        for part in torch.arange(NUM_PICTURES).split(BATCH_SIZE)
    ]
    return lambda: batches


def decoding(folder: Path, side: int) -> Callable[[], Batches]:
    """Every file to pixels."""
    files = sorted(folder.rglob("*.jpg"))
    with ThreadPoolExecutor(num_cores()) as pool:
        deque(pool.map(partial(decode_image, channels=3), files), maxlen=0)
    return tuple


def decoding_and_resizing(folder: Path, side: int) -> Callable[[], Batches]:
    """Every file to pixels of the network's size, by the graph that ships."""
    signature = images.read(folder).signature
    session = open_session(shrinking("image", "small", 3, (side, side), "crop"), num_threads=1)
    files = ImageFiles(tuple(sorted(folder.rglob("*.jpg"))), 3)
    shrink_all(session, signature.inputs[0], (side, side, 3), files)
    return tuple


CONTENDERS: dict[str, Contender] = {
    "zoo": with_zoo,
    "Pillow in a DataLoader": with_pillow,
    "Pillow and tensors in a DataLoader": with_tensors,
    "ready": ready,
    "decoding": decoding,
    "decoding and resizing": decoding_and_resizing,
}


def convnet() -> torch.nn.Module:
    layers: list[torch.nn.Module] = []
    for channels, following in ((3, 16), (16, 32), (32, 64)):
        layers += [torch.nn.Conv2d(channels, following, 3, stride=2, padding=1)]
        layers += [torch.nn.BatchNorm2d(following), torch.nn.ReLU()]
    return torch.nn.Sequential(
        *layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    )


def two_epochs(contender: Contender, folder: Path, side: int, trains: bool) -> list[float]:
    """Seconds of the first epoch, from the folder on, and of the second one."""
    network = convnet()
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    started_at, seconds = time.perf_counter(), []
    epoch = contender(folder, side)
    for _ in range(2):
        for pictures, labels in epoch():
            if trains:
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(network(pictures), labels).backward()
                optimizer.step()
        seconds.append(time.perf_counter() - started_at)
        started_at = time.perf_counter()
    return seconds


def measure(folder: Path, side: int, trains: bool) -> dict[str, Any]:
    """Medians over the rounds, and how many times as fast as each loader ``zoo`` is."""
    times: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for _ in range(ROUNDS):
        for name, contender in CONTENDERS.items():
            times[name].append(two_epochs(contender, folder, side, trains))
    medians = {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    ours = medians["zoo"]
    return {
        name: {
            "first_epoch_s": round(first, 3),
            "second_epoch_s": round(second, 3),
            "first_over_zoo": round(first / ours[0], 2),
            "second_over_zoo": round(second / ours[1], 2),
            "rounds_s": [[round(each, 3) for each in row] for row in times[name]],
        }
        for name, (first, second) in medians.items()
    }


def main() -> None:
    """Measures every scenario, prints a table and keeps the figures."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        num_bytes = make_pictures(Path(name))
        scenarios = {title: measure(Path(name), *choice) for title, choice in SCENARIOS.items()}
    for title, rows in scenarios.items():
        print(f"\n{title}: seconds of the first and the second epoch, and how many times zoo's")
        for contender, row in rows.items():
            first, second = row["first_epoch_s"], row["second_epoch_s"]
            ratios = f"{row['first_over_zoo']:8.2f} {row['second_over_zoo']:8.2f}"
            print(f"{contender:36} {first:8.2f} {second:8.2f} {ratios}")
    document = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    document[f"{num_cores()} cores"] = {
        "pictures": NUM_PICTURES,
        "bytes_a_picture": num_bytes,
        "versions": {
            "pillow": PIL.__version__,
            "simplejpeg": simplejpeg.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "scenarios": scenarios,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
