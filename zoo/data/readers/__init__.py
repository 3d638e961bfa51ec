"""Readers: a path is a data set too, if one of these can read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.data.readers import arrays, clips, detections, idx, images, segments, tables, texts
from zoo.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Reader:
    """One kind of file or folder.

    Attributes:
        name: What it reads, for messages.
        refuses: ``refuses(path)`` says why it cannot read an existing path, or ``""``.
        read: ``read(path, *, options...) -> Splits``; the keyword-only parameters are the ``data.…`` words.
        read_like: ``read_like(path, signature, options) -> Examples``: everything at the path, as examples
            of a known signature; ``options`` are all of ``read``'s.
    """

    name: str
    refuses: Callable[[Path], str]
    read: Callable[..., Splits]
    read_like: Callable[[Path, Signature, Mapping[str, Any]], Examples]


# The first that does not refuse reads: detections and masks hold folders of pictures and text files besides,
# frames of clips are pictures, and tables and pictures may have a file of labels or a note beside them.
READERS = tuple(
    Reader(name, module.refuses, module.read, module.read_like)
    for name, module in (
        ("detections", detections),
        ("masks", segments),
        ("clips", clips),
        ("pictures", images),
        ("tables", tables),
        ("IDX", idx),
        ("NumPy arrays", arrays),
        ("texts", texts),
    )
)


def recognise(path: Path) -> Reader:
    """The reader for a path.

    Raises:
        DataError: It does not exist, or no reader reads it; each one's reason is given.
    """
    if not path.exists():
        names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(
            f"{path}: no such file or folder",
            fix=did_you_mean(path.name, names) if names else f"there is nothing at {path.parent} either",
        )
    refusals = {reader.name: reader.refuses(path) for reader in READERS}
    for reader in READERS:
        if not refusals[reader.name]:
            return reader
    reasons = "".join(f"\n  {name}: {reason}" for name, reason in refusals.items())
    raise DataError(
        f"{path}: no reader can read it{reasons}",
        fix="a data set is class folders of pictures, clips or texts, pictures with boxes, or with masks, a .csv, .tsv or .parquet file, "
        "a .txt file or one a class, IDX files, an .npz file, or a folder of .npy files",
    )
