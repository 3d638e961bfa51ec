"""Draws docs/images/digits.png: the example pictures with the answers of an exported model.

zoo train convnet --data digits --run runs/digits
zoo export runs/digits
python docs/draw_digits.py runs/digits/model.onnx
"""

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

FILE = Path(__file__).parent / "images" / "digits.png"
_CELL, _GAP, _CAPTION = 120, 16, 68
_INK, _MUTED, _PAPER = "#1f2328", "#59636e", "#ffffff"


def main() -> None:
    """Draws the answers that come on standard input."""
    rows = [json.loads(line) for line in sys.stdin]
    draw(rows).save(FILE, optimize=True)


def draw(rows: list[dict[str, Any]]) -> Image.Image:
    """Each picture with its answer and the probability of it below."""
    width = _GAP + len(rows) * (_CELL + _GAP)
    sheet = Image.new("RGB", (width, _CELL + _CAPTION + 2 * _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, row in enumerate(rows):
        left = _GAP + place * (_CELL + _GAP)
        with Image.open(row["input"]) as scan:
            sheet.paste(scan.convert("L").resize((_CELL, _CELL), Image.Resampling.NEAREST), (left, _GAP))
        centre, below = left + _CELL // 2, _GAP + _CELL
        probability = row["probabilities"][row["label"]]
        pen.text((centre, below + 24), row["label"], _INK, font=ImageFont.load_default(34), anchor="mm")
        pen.text(
            (centre, below + 56), f"{probability:.4f}", _MUTED, font=ImageFont.load_default(18), anchor="mm"
        )
    return sheet


if __name__ == "__main__":
    main()
