"""Draws docs/images/segments.png: pictures of docs/how-to/segment.md, and what its model sees in them.

python docs/draw_segments.py FOLDER, in which the page was followed
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image

FILE = Path(__file__).parent / "images" / "segments.png"
_NUMBERS = (3, 8, 14, 21)
_SIDE, _GAP = 180, 16


def main() -> None:
    """Each picture, and below it the same in the colours of its labels."""
    folder = Path(sys.argv[1])
    sheet = Image.new("RGB", (_GAP + len(_NUMBERS) * (_SIDE + _GAP), 2 * _SIDE + 3 * _GAP), "white")
    for place, number in enumerate(_NUMBERS):
        given, drawn = folder / "cells" / "images" / f"{number}.png", folder / "drawn.png"
        subprocess.run(
            ["zoo", "predict", folder / "runs" / "cells" / "model.onnx", given, "--draw", drawn],
            check=True,
            capture_output=True,
        )
        for row, file in enumerate((given, drawn)):
            with Image.open(file) as picture:
                shown = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
            sheet.paste(shown, (_GAP + place * (_SIDE + _GAP), _GAP + row * (_SIDE + _GAP)))
    sheet.quantize(128).save(FILE, optimize=True)


if __name__ == "__main__":
    main()
