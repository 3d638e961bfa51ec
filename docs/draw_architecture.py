"""Draws docs/images/data-flow.svg and docs/images/layers.svg.

python docs/draw_architecture.py
"""

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "images"
_FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"
_PLAIN, _ACCENT, _PALE = "#e7f0f0", "#b2dfdb", "#f4f4f4"


def main() -> None:
    """Writes every drawing."""
    for name, text in drawings().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def drawings() -> dict[str, str]:
    """The text of each drawing by file name."""
    return {"data-flow.svg": svg(880, 452, data_flow()), "layers.svg": svg(880, 357, layers())}


def data_flow() -> Iterable[str]:
    """Training in the first two rows, the export in the third, prediction in the fourth."""
    yield from box(20, 20, 190, "recipe", "TOML or key=value words")
    yield from box(240, 20, 190, "registry", "entries of installed plugins")
    yield from box(460, 20, 190, "architecture", "and loss, optimizer, schedule")
    yield from box(20, 130, 190, "data", "pictures, tables, vectors")
    yield from box(240, 130, 190, "preprocessing graph", "fitted on the training split", _ACCENT)
    yield from box(460, 130, 190, "training", "batch, turns, validate, save")
    yield from box(680, 130, 180, "run folder", "recipe, checkpoints, metrics")
    yield from box(20, 250, 190, "preprocessing graph", "the same one", _ACCENT)
    yield from box(240, 250, 190, "network", "traced from PyTorch")
    yield from box(460, 250, 190, "postprocessing graph", "labels, units")
    yield from box(680, 250, 180, "proof", "certificate, or no file")
    yield from box(20, 370, 190, "raw input", "cat.jpg, rows.csv")
    yield from box(240, 370, 410, "model.onnx in zoo.runtime", "NumPy and ONNX Runtime, no PyTorch", _ACCENT)
    yield from box(680, 370, 180, "answers", "label, probabilities, values")
    for row, gaps in ((20, (210, 430)), (130, (210, 430, 650)), (250, (210, 430, 650)), (370, (210, 650))):
        yield from (arrow(gap, row + 31, gap + 30, row + 31) for gap in gaps)
    yield arrow(555, 82, 555, 130)
    yield arrow(770, 192, 770, 250)
    yield arrow(700, 192, 400, 250)
    yield arrow(335, 192, 115, 250)
    yield arrow(770, 312, 650, 380)


def layers() -> Iterable[str]:
    """What stands above may import what stands below."""
    yield from box(20, 20, 620, "zoo.cli, zoo.api", "commands and functions with the same words")
    yield from box(20, 105, 300, "zoo.exporting", "torch.onnx, assembly, proof")
    yield from box(340, 105, 300, "zoo.training", "trainer, checkpoints, evaluation")
    yield from box(20, 190, 300, "zoo.preprocessing", "and zoo.postprocessing: ONNX graphs")
    yield from box(340, 190, 300, "zoo.data", "readers, splits, batches")
    yield from box(660, 20, 200, "plugins", "import zoo.plugin only", _PALE)
    yield from box(660, 105, 200, "zoo.builtin", "a plugin like any other", _PALE)
    yield from box(660, 190, 200, "zoo.runtime", "no PyTorch", _ACCENT)
    yield from box(
        20, 275, 840, "zoo.contracts, zoo.errors, zoo.plugin, zoo.registry", "no PyTorch, no NumPy", _PALE
    )


def box(left: int, top: int, width: int, title: str, note: str, fill: str = _PLAIN) -> Iterable[str]:
    """A rounded box with a title and a note."""
    centre = left + width // 2
    yield f"<rect x='{left}' y='{top}' width='{width}' height='62' rx='6' fill='{fill}' stroke='#5b7a78'/>"
    yield f"<text x='{centre}' y='{top + 27}' {_FONT} font-size='14' font-weight='bold' text-anchor='middle' fill='#1f2328'>{title}</text>"
    yield f"<text x='{centre}' y='{top + 47}' {_FONT} font-size='12' text-anchor='middle' fill='#4a5560'>{note}</text>"


def arrow(x1: int, y1: int, x2: int, y2: int) -> str:
    """A line with a head at its end."""
    return f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='#37474f' stroke-width='1.5' marker-end='url(#head)'/>"


def svg(width: int, height: int, parts: Iterable[str]) -> str:
    """A whole file, on white so that it reads on dark pages too."""
    head = (
        "<marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        "<path d='M0,0 L8,4 L0,8 z' fill='#37474f'/></marker>"
    )
    size = f"viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    body = "\n".join(parts)
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>\n<defs>{head}</defs>\n<rect width='{width}' height='{height}' fill='white'/>\n{body}\n</svg>\n"


if __name__ == "__main__":
    main()
