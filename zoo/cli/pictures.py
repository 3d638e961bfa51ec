"""The pictures that ``zoo predict`` writes: samples, masks, and boxes on what they were found in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import UsageError


def require_png(draw: Path | None) -> None:
    """Refuses another name than that of a PNG.

    Raises:
        UsageError: Names a better one.
    """
    if draw is not None and draw.suffix.lower() != ".png":
        raise UsageError(f"--draw {draw}: a PNG is drawn", fix=f"--draw {draw.with_suffix('.png')}")


def write_samples(pictures: Any, draw: Path | None, out: Path | None) -> list[Path]:
    """A grid of generated pictures, or a file each.

    Args:
        pictures: uint8 ``[samples, height, width, channels]``.
        draw: The grid.
        out: The folder of the files.

    Raises:
        UsageError: Neither is named.
        EnvironmentFault: A file cannot be written.
    """
    from zoo.runtime.drawing import draw_grid, draw_picture

    if not (draw or out):
        raise UsageError("samples are pictures, and no file is named", fix="--draw grid.png, or --out FOLDER")
    contents = {draw: draw_grid(pictures)} if draw else {}
    if out:
        width = len(str(len(pictures) - 1))
        contents |= {
            out / f"{place:0{width}d}.png": draw_picture(each) for place, each in enumerate(pictures)
        }
    return _write(contents)


def write_boxes(
    target: Any,
    columns: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
    draw: Path | None,
    out: Path | None,
) -> list[Path]:
    """Pictures with the boxes that were found in them.

    Args:
        target: What the model answers.
        columns: The pictures.
        rows: The objects in each.
        ids: What each is called.
        draw: The file of the only picture.
        out: The folder of all.

    Raises:
        UsageError: Several pictures for one file, or two for the same one.
        EnvironmentFault: A file cannot be written.
    """
    from zoo.runtime.drawing import draw_boxes

    if draw and len(ids) > 1:
        raise UsageError(f"--draw takes one picture, not {len(ids)}", fix="--out FOLDER draws each of them")
    names = _names(ids, out)
    (pictures,) = columns.values()
    contents: dict[Path, bytes] = {}
    for place, (name, row) in enumerate(zip(names, rows, strict=True)):
        drawn = draw_boxes(pictures[place], row["objects"], labels=target.labels)
        contents |= {draw: drawn} if draw else {}
        contents |= {out / name: drawn} if out else {}
    return _write(contents)


def write_mask(target: Any, picture: Any, mask: Any, draw: Path | None, file: Path | None) -> list[Path]:
    """One picture in the colours of its labels, and its mask: a PNG whose pixels are the places of labels.

    Args:
        target: What the model answers.
        picture: The picture.
        mask: The answer.
        draw: The file of the coloured picture.
        file: The file of the mask.

    Raises:
        EnvironmentFault: A file cannot be written.
    """
    from zoo.runtime.drawing import draw_mask, draw_numbers

    contents = {draw: draw_mask(picture, mask, labels=target.labels)} if draw else {}
    if file:
        contents |= {file: draw_numbers(mask, num_labels=len(target.labels))}
    return _write(contents)


def mask_files(ids: Sequence[str], draw: Path | None, out: Path | None) -> list[Path | None]:
    """The file of each picture's mask, where a folder is named for them.

    Raises:
        UsageError: Several pictures for one file, or two for the same one.
    """
    if draw and len(ids) > 1:
        raise UsageError(
            f"--draw takes one picture, not {len(ids)}", fix="--out FOLDER writes the mask of each of them"
        )
    return [out / name if out else None for name in _names(ids, out)]


def _names(ids: Sequence[str], out: Path | None) -> list[str]:
    """A PNG for each picture, called as it is."""
    names = [f"{Path(name).stem}.png" for name in ids]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if out and twice:
        raise UsageError(f"--out: {twice[0]} would be written twice", fix="answer for one folder at a time")
    return names


def _write(contents: Mapping[Path, bytes]) -> list[Path]:
    """Writes every file; folders are made.

    Raises:
        EnvironmentFault: One cannot be written.
    """
    from zoo.files import LOCAL

    for path, content in contents.items():
        if not path.parent.is_dir():
            LOCAL.make_folder(path.parent)
        LOCAL.replace(path, content)
    return list(contents)
