"""One tiny data set and recipe a family, made on the spot: every family goes through the same doors."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WORDS = ("sun", "rain", "snow", "wind", "cloud")
LETTERS = "the quick brown fox jumps over the lazy dog and then it does so again. "


@dataclass(frozen=True)
class Family:
    """How one family is trained.

    Attributes:
        data: The file or folder below the one that ``write`` fills, and its options.
        model: The architecture and its options.
        keys: Further recipe keys.
    """

    data: dict
    model: dict
    keys: dict = field(default_factory=dict)

    def recipe(self, folder):
        """What the user would say."""
        data = {**self.data, "name": str(folder / self.data["name"])}
        return {
            "epochs": 2,
            "batch_size": 16,
            "device": "cpu",
            **self.keys,
            "data": data,
            "model": self.model,
        }


FAMILIES = {
    "text": Family(
        {"name": "texts.csv", "target": "label", "max_tokens": 12},
        {"name": "gru", "hidden": 6, "embedding": 4, "bidirectional": True, "pooling": "attention"},
    ),
    "language": Family(
        {"name": "story.txt", "window": 64, "validation": 0.2, "test": 0.2},
        {"name": "lstm", "hidden": 8, "embedding": 6, "layers": 2},
        {"objective": {"name": "truncated", "length": 16}, "batch_size": 8},
    ),
    "forecast": Family(
        {"name": "series.csv", "time": "day", "target": ["a", "b"], "window": 8, "horizon": 2},
        {"name": "rnn", "hidden": 6},
    ),
    "sequence": Family(
        {"name": "groups.csv", "group": "id", "target": "label"},
        {"name": "lstm", "hidden": 6, "pooling": "mean"},
    ),
    "boxes": Family(
        {"name": "shapes", "size": 64},
        {"name": "detector", "width": 16},
        {"batch_size": 8, "epochs": 1, "ema": 0.9},
    ),
    "mask": Family(
        {"name": "cells", "size": [32, 40], "fit": "crop"},
        {"name": "unet", "width": 4, "levels": 2},
        {"batch_size": 8},
    ),
    "sample": Family(
        {"name": "faces", "size": 8, "latent": 4},
        {"name": "conditional-dcgan", "width": 4},
        {
            "optimizer": {"generator": {"lr": 1e-3}},
            "ema": 0.9,
            "accumulate": 2,
            "objective": {"name": "adversarial", "turns": {"discriminator": 2}},
        },
    ),
    "variational": Family({"name": "faces", "size": 8, "latent": 4}, {"name": "vae"}),
    "labels": Family(
        {"name": "labels.csv", "target": ["red", "big"], "target_type": "labels"},
        {"name": "mlp", "hidden": [8]},
    ),
    "several": Family({"name": "several.csv", "target": ["kind", "price"]}, {"name": "mlp", "hidden": [8]}),
}


def write(folder: Path) -> Path:
    """Every family's data."""
    random = np.random.default_rng(5)
    _write_texts(folder, random)
    _write_series(folder, random)
    _write_tables(folder, random)
    _write_shapes(folder / "shapes", random)
    _write_cells(folder / "cells", random)
    clips = random.integers(0, 256, (30, 3, 8, 8, 1)).astype(np.uint8)
    np.savez(folder / "clips.npz", x=clips, y=np.arange(30) % 2)
    for place, name in enumerate(("dark", "light")):
        (folder / "faces" / name).mkdir(parents=True)
        for number in range(30):
            pixels = (random.integers(0, 90, (8, 8)) + 140 * place).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "faces" / name / f"{number}.png")
    return folder


def _write_texts(folder, random):
    lines = ["text,label"]
    for number in range(90):
        words = random.choice(WORDS, random.integers(1, 9))
        lines.append(f"{' '.join(words)} {number},{'wet' if 'rain' in words else 'dry'}")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n")
    (folder / "story.txt").write_text("".join(LETTERS[shift:] for shift in range(40)))


def _write_series(folder, random):
    lines = ["day,a,b"]
    for day in range(80):
        a, b = 10 + day + 3 * np.sin(day) + random.normal(), 5 - day / 2 + random.normal()
        lines.append(
            f"{np.datetime64('2024-01-01') + np.timedelta64(day, 'D')},{a:.3f},{'' if day % 11 == 3 else f'{b:.3f}'}"
        )
    (folder / "series.csv").write_text("\n".join(lines) + "\n")
    lines = ["id,x,y,label"]
    for group in range(60):
        slope = 1 if group % 2 else -1
        for step in range(random.integers(3, 9)):
            lines.append(
                f"g{group},{slope * step + random.normal():.3f},{random.normal():.3f},{'up' if slope > 0 else 'down'}"
            )
    (folder / "groups.csv").write_text("\n".join(lines) + "\n")


def _write_tables(folder, random):
    labels, several = ["x,y,red,big"], ["x,y,kind,price"]
    for row in range(90):
        x, y = random.normal(size=2)
        red = "" if row % 9 == 4 else str(int(x > 0.3))
        labels.append(f"{x:.4f},{y:.4f},{red},{int(x + y > 0)}")
        kind = "" if row % 10 == 7 else ("cheap", "dear")[int(x > 0)]
        several.append(f"{x:.4f},{y:.4f},{kind},{100 + 20 * x - 7 * y:.3f}")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    (folder / "several.csv").write_text("\n".join(several) + "\n")


def _write_cells(folder, random):
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    (folder / "labels.txt").write_text("background\ndisc\nbox\n")
    for number in range(30):
        width, height = (int(side) for side in random.integers(36, 60, 2))
        mask = Image.new("L", (width, height), 0)
        pen = ImageDraw.Draw(mask)
        for kind in (1, 2):
            left, top, side = (int(each) for each in (*random.integers(0, 24, 2), random.integers(10, 20)))
            (pen.ellipse if kind == 1 else pen.rectangle)((left, top, left + side, top + side), fill=kind)
        pixels = 60 + 70 * np.array(mask) + random.normal(0, 12, (height, width))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number}.png")
        mask.save(folder / "masks" / f"{number}.png")


def _write_shapes(folder, random):
    folder.mkdir()
    document = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 2, "name": "disc"}, {"id": 5, "name": "box"}],
    }
    for number in range(30):
        picture = Image.new("RGB", (96, 72), "white")
        for _ in range(random.integers(0, 3)):
            left, top, side, category = (
                *random.integers(2, 40, 2),
                random.integers(12, 30),
                int(random.choice([2, 5])),
            )
            area = (int(left), int(top), int(left + side), int(top + side))
            pen = ImageDraw.Draw(picture)
            (pen.ellipse if category == 2 else pen.rectangle)(
                area, fill="navy" if category == 2 else "crimson"
            )
            box = [int(left), int(top), int(side), int(side)]
            document["annotations"].append({"image_id": number, "category_id": category, "bbox": box})
        picture.save(folder / f"{number}.png")
        document["images"].append({"id": number, "file_name": f"{number}.png", "width": 96, "height": 72})
    (folder / "instances.json").write_text(json.dumps(document))
