"""Reads arrays ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test``, ``y_test``, from an ``.npz`` or ``.npy`` files.

The ``.npy`` files of a folder are mapped into memory, not read: they may be larger than memory.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Target
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.places import Places
from zoo.data.splits import ROLES
from zoo.data.targets import TargetColumn, TargetType, column_names, encode, infer, label_target
from zoo.errors import DataError
from zoo.reading import open_regular
from zoo.runtime.archives import read_arrays

_X = ("x", "images", "image", "data", "features", "inputs")
_Y = ("y", "labels", "label", "target", "targets")
_CHUNK = 2**16


@dataclass(frozen=True)
class Pair:
    """The inputs and the truth of one split.

    Attributes:
        path: Where they come from.
        role: The split.
        x: ``[examples, ...]``.
        y: ``[examples]`` or ``[examples, columns]``.
    """

    path: Path
    role: str
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]

    def where(self, row: int) -> str:
        """The place of an example for a message."""
        return f"{self.path.name} {self.role} {row}"


def refuses(path: Path) -> str:
    """Why this is no ``.npz`` file and no folder of ``.npy`` files; empty if it is one."""
    if path.is_dir():
        return "" if any(path.glob("*.npy")) else "a folder without .npy files"
    return "" if path.suffix.lower() == ".npz" else "does not end in .npz"


def read(path: Path, *, target_type: TargetType = "auto") -> Splits:
    """The arrays of an ``.npz`` file, or of a folder of ``.npy`` files: uint8 pictures ``[n, height, width(, 1 or 3)]`` or clips ``[n, frames, height, width, 1 or 3]``, or vectors ``[n, length]``.

    Args:
        path: The file or folder.
        target_type: What y is; auto takes whole numbers and text for labels, and floats for values.

    Raises:
        DataError: The file is damaged, holds Python objects, or its arrays do not fit together.
    """
    return infer_splits(_read_pairs(path), target_type)


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every example of the file as examples of ``signature``.

    Raises:
        DataError: As for ``read``, or the arrays do not fit the signature.
    """
    return concatenate([examples_like(pair, signature) for pair in _read_pairs(path).values()])


def infer_splits(pairs: Mapping[str, Pair], target_type: TargetType = "auto") -> Splits:
    """Examples and signature from arrays.

    Raises:
        DataError: The arrays are no pictures, clips or vectors, differ in length, or hold NaN.
    """
    train = pairs["train"]
    signature = Signature((_input(train),), _target(_truth_columns(train), train.y, target_type))
    parts = {role: examples_like(pair, signature) for role, pair in pairs.items()}
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def examples_like(pair: Pair, signature: Signature) -> Examples:
    """One split as examples of ``signature``.

    Raises:
        DataError: It does not fit.
    """
    found = _input(pair)
    # Pictures may have another size than those of the training data; the graph brings all to one.
    if [(spec.kind, spec.shape[-1:]) for spec in signature.inputs] != [(found.kind, found.shape[-1:])]:
        wanted = ", ".join(f"{spec.name} {spec.kind} {spec.shape}" for spec in signature.inputs[:5])
        raise DataError(
            f"{pair.path}: {pair.role} holds {found.kind} {found.shape}, expected {wanted}",
            fix="give data of the trained kind",
        )
    truth = _truth_columns(pair, column_names(signature.target))
    ids = Places(f"{pair.path.name} {pair.role}", range(len(pair.x)))
    return Examples({signature.inputs[0].name: _values(pair)}, encode(signature.target, truth, ids), ids)


def _read_pairs(path: Path) -> dict[str, Pair]:
    arrays = _load(path)
    found: dict[tuple[str, str], str] = {}
    for key in arrays:
        words = re.split(r"[_\-. ]", key.lower())
        role = next((ROLES[word] for word in words if word in ROLES), "train")
        part = next((name for name, known in (("x", _X), ("y", _Y)) if set(words) & set(known)), "")
        if part and (role, part) in found:
            raise DataError(
                f"{path}: {found[role, part]!r} and {key!r} are both {part} of {role}", fix="keep one of them"
            )
        found[role, part] = key
    if ("train", "x") not in found or ("train", "y") not in found:
        raise DataError(
            f"{path}: expected the arrays x and y, found {', '.join(map(repr, arrays)) or 'none'}",
            fix="numpy.savez(path, x=…, y=…), or x_train, y_train, x_test, y_test",
        )
    roles = [role for role in ("train", "validation", "test") if (role, "x") in found]
    return {role: _pair(path, role, arrays, found) for role in roles}


def _pair(path: Path, role: str, arrays: Mapping[str, npt.NDArray[Any]], found: Mapping[Any, str]) -> Pair:
    if (role, "y") not in found:
        raise DataError(f"{path}: {found[role, 'x']!r} has no labels beside it", fix=f"add y_{role}")
    return Pair(path, role, arrays[found[role, "x"]], arrays[found[role, "y"]])


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    if path.is_dir():
        files = sorted(path.glob("*.npy"))
        return {name: array for file in files for name, array in _read_file(file).items()}
    return _read_file(path)


def _read_file(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file, or the one of a ``.npy`` file, which stays on the disk."""
    try:
        with open_regular(path) as file:
            if path.suffix.lower() != ".npy":
                return read_arrays(file)
            # Copy on write: torch takes no array that it could not write to.
            return {path.stem: np.lib.format.open_memmap(path, mode="c")}
    except ValueError as error:
        if "pickle" in str(error).lower() or "python objects" in str(error).lower():
            raise DataError(
                f"{path}: holds Python objects, which are never unpickled",
                fix="save arrays of numbers or text",
            ) from error
        raise DataError(f"{path}: is damaged: {error}", fix="save the file again") from error
    except OSError as error:
        raise DataError(f"{path}: is damaged: {error}", fix="save the file again") from error


def _input(pair: Pair) -> TensorSpec:
    if pair.x.ndim == 0 or pair.y.ndim == 0:
        raise DataError(f"{pair.path}: {pair.role} is a single number", fix="one input and one target each")
    if 0 in pair.y.shape[1:]:
        raise DataError(f"{pair.path}: {pair.role} has targets without a value", fix="one target each")
    if len(pair.x) != len(pair.y) or len(pair.x) == 0:
        raise DataError(
            f"{pair.path}: {pair.role} has {len(pair.x)} inputs and {len(pair.y)} targets",
            fix="one each, at least one",
        )
    shape = pair.x.shape
    if pair.x.dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        return TensorSpec("image", "image", "uint8", (None, None, 1 if len(shape) == 3 else shape[3]))
    if pair.x.dtype == np.uint8 and len(shape) == 5 and shape[4] in (1, 3) and 0 not in shape:
        return TensorSpec("video", "video", "uint8", (None, None, None, shape[4]))
    if len(shape) == 2 and pair.x.dtype.kind in "buif":
        return TensorSpec("vector", "vector", "float32", (shape[1],))
    raise DataError(
        f"{pair.path}: {pair.role} inputs are {pair.x.dtype} {shape}, neither pictures, clips nor vectors",
        fix="pictures are uint8 [n, height, width] or [n, height, width, 1 or 3], "
        "clips [n, frames, height, width, 1 or 3], vectors [n, length]",
    )


def _values(pair: Pair) -> npt.NDArray[Any]:
    if _input(pair).kind == "video":
        return pair.x
    if _input(pair).kind == "image":
        return pair.x if pair.x.ndim == 4 else pair.x[..., np.newaxis]
    values = pair.x.astype(np.float32, copy=False)
    starts = range(0, len(values), _CHUNK)
    bad = np.concatenate(
        [start + np.flatnonzero(~np.isfinite(values[start : start + _CHUNK]).all(axis=1)) for start in starts]
    )
    if len(bad):
        raise DataError(
            f"{pair.where(int(bad[0]))}: holds a value that is not finite ({len(bad)} examples do)",
            fix="remove these examples or fill the gaps",
        )
    return values


def _truth_columns(pair: Pair, names: tuple[str, ...] = ()) -> list[TargetColumn]:
    y = pair.y.reshape(len(pair.y), -1)
    if y.dtype.kind not in "buifU":
        raise DataError(
            f"{pair.path}: y is {y.dtype}, neither numbers nor text", fix="save labels as numbers or text"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        bad = np.flatnonzero(~np.isfinite(y).all(axis=1))
        raise DataError(
            f"{pair.path}: target is missing or infinite in {len(bad)} examples, first in {pair.where(int(bad[0]))}",
            fix="remove these examples",
        )
    names = names or (("label",) if y.shape[1] == 1 else tuple(f"label_{i + 1}" for i in range(y.shape[1])))
    if len(names) != y.shape[1]:
        raise DataError(f"{pair.path}: {pair.role} has {y.shape[1]} targets, expected {len(names)}")
    return [_truth_column(name, values) for name, values in zip(names, y.T, strict=True)]


def _truth_column(name: str, values: npt.NDArray[Any]) -> TargetColumn:
    numbers = None if values.dtype.kind == "U" else values.astype(np.float64, copy=False)
    return TargetColumn(name, partial(_texts, values), numbers)


def _texts(values: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """One string a distinct value, however many rows have it."""
    distinct, places = np.unique(values, return_inverse=True)
    return np.array([_text(value) for value in distinct.tolist()], dtype=object)[places]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _target(columns: list[TargetColumn], y: npt.NDArray[Any], wanted: TargetType) -> Target:
    if wanted == "auto" and y.dtype.kind == "f":
        return infer(columns, "values")
    if wanted == "auto" and len(columns) == 1:
        return label_target(columns[0])
    return infer(columns, wanted)
