"""Reads files into the raw columns that a model takes: pictures, clips, folders, table rows, ``.npz`` arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.contracts.signature import Signature
from zoo.errors import DataError, did_you_mean
from zoo.reading import open_regular
from zoo.runtime import clips
from zoo.runtime.archives import read_arrays
from zoo.runtime.arrays import conform
from zoo.runtime.batches import Array, Column, count
from zoo.runtime.clips import ClipFiles
from zoo.runtime.images import ImageFiles, expand
from zoo.runtime.series import read_series
from zoo.runtime.tables import TABLE_SUFFIXES, TableOptions, columns, read_table
from zoo.runtime.texts import TEXT_SUFFIX, read_text

Decoded = tuple[dict[str, Column], list[str]]


def decode(paths: Sequence[Path], signature: Signature, reading: Mapping[str, Any]) -> Decoded:
    """Raw columns from files, and an id for every example.

    Args:
        paths: Pictures, clips or folders of them, tables, or ``.npz`` files, as the inputs require.
        signature: The model's raw inputs.
        reading: Options of the table reader that the model was trained with.

    Returns:
        The columns by name, and the ids: the path of a picture or clip, ``"rows.csv:7"`` with the line of the file
        (in Parquet the row), or ``"arrays.npz:0"`` with the index.

    Raises:
        DataError: A file cannot be read as what the model takes.
    """
    if not paths:
        raise DataError("there is nothing to predict: no file was given", fix="name at least one file")
    if all(path.suffix.lower() == ".npz" for path in paths):
        return _concatenate([_arrays(path, signature) for path in paths])
    kinds = {spec.kind for spec in signature.inputs}
    if kinds == {"image"}:
        return _pictures(paths, signature)
    if kinds == {"video"}:
        return _clips(paths, signature)
    if kinds == {"text"} and not any(path.suffix.lower() in TABLE_SUFFIXES for path in paths):
        return _texts(paths, signature)
    if kinds <= {"number", "category", "text"}:
        options = TableOptions.from_json(reading)
        return _concatenate([_rows(path, signature, options) for path in paths])
    if kinds == {"series"}:
        read = [read_series(path, signature, reading) for path in paths]
        return _concatenate([(dict(series), ids) for series, ids in read])
    raise DataError(
        f"{paths[0]}: the model takes {' and '.join(sorted(kinds))} inputs, which are read from .npz files",
        fix="save the inputs with numpy.savez",
    )


def _concatenate(parts: Sequence[Decoded]) -> Decoded:
    merged = {name: _joined([inputs[name] for inputs, _ in parts]) for name in parts[0][0]}
    return merged, [example for _, ids in parts for example in ids]


def _joined(columns: Sequence[Column]) -> Column:
    are_arrays = all(isinstance(column, np.ndarray) for column in columns)
    if are_arrays and len({np.shape(column)[1:] for column in columns}) == 1:
        return np.concatenate([np.asarray(column) for column in columns])
    return [np.asarray(row) for column in columns for row in column]


def _texts(paths: Sequence[Path], signature: Signature) -> Decoded:
    """Each file is a text; a folder stands for those in it."""
    files = [file for path in paths for file in _text_files(path)]
    texts = np.array([read_text(file) for file in files], dtype=object)
    return {signature.inputs[0].name: texts}, [str(file) for file in files]


def _text_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder", fix="check the path, or give the text with --text")
    if found := sorted(path.rglob(f"*{TEXT_SUFFIX}")):
        return found
    raise DataError(f"{path}: holds no texts", fix=f"texts end in {TEXT_SUFFIX}")


def _pictures(paths: Sequence[Path], signature: Signature) -> Decoded:
    spec = signature.inputs[0]
    channels = spec.shape[-1]
    assert channels is not None
    files = tuple(expand(paths))
    return {spec.name: ImageFiles(files, channels)}, [str(file) for file in files]


def _clips(paths: Sequence[Path], signature: Signature) -> Decoded:
    spec = signature.inputs[0]
    channels = spec.shape[-1]
    assert channels is not None
    files = tuple(clips.expand(paths))
    clips.require_decoders(files)
    return {spec.name: ClipFiles(files, channels)}, [str(file) for file in files]


def _rows(path: Path, signature: Signature, options: TableOptions) -> Decoded:
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(
            f"{path}: the model takes the columns of a table",
            fix=f"tables end in {', '.join(TABLE_SUFFIXES)}",
        )
    table = read_table(path, options)
    return dict(columns(table, signature.inputs)), [f"{path}:{line}" for line in table.lines]


def _arrays(path: Path, signature: Signature) -> Decoded:
    arrays = read_npz(path)
    named = {spec.name: _named(path, arrays, spec.name, signature) for spec in signature.inputs}
    inputs = conform(named, signature)
    return inputs, [f"{path}:{index}" for index in range(count(inputs))]


def _named(path: Path, arrays: Mapping[str, Array], name: str, signature: Signature) -> Array:
    """The array of an input; where a model has one input, the only array or the one called ``x`` will do."""
    if name in arrays:
        return arrays[name]
    if len(signature.inputs) == 1:
        candidates = [array for key, array in arrays.items() if key == "x" or len(arrays) == 1]
        if candidates:
            return candidates[0]
    raise DataError(f"{path}: holds no array {name!r}", fix=did_you_mean(name, arrays))


def read_npz(path: Path) -> dict[str, Array]:
    """Every array of an ``.npz`` file; pickled objects are never loaded.

    Raises:
        DataError: The file is missing, damaged, or holds Python objects.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="check the path")
    try:
        with open_regular(path) as file:
            return read_arrays(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: is not readable as .npz: {error}", fix="save plain arrays with numpy.savez"
        ) from error
