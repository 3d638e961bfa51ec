"""Golden examples: raw inputs and the answers that PyTorch gives in float64, in a file beside the model."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.contracts.signature import Signature
from zoo.errors import ArtifactError
from zoo.files import read_bytes
from zoo.runtime.answers import Answers
from zoo.runtime.archives import read_arrays
from zoo.runtime.batches import Array, Column, gather, is_ragged

_FIX = "copy both files again from where they were exported, or export again with `zoo export`"


def golden_path(model: Path) -> Path:
    """Where the golden examples of a model stand: ``cat.golden.npz`` for ``cat.onnx``."""
    return model.with_name(f"{model.stem}.golden.npz")


def pack(columns: Mapping[str, Column], expected: Answers) -> bytes:
    """The bytes of a file of golden examples; pictures are stored one array each."""
    arrays: dict[str, Array] = {}
    for name, answer in expected.items():
        if is_ragged(answer):
            arrays |= {f"answers_{index}_{name}": each for index, each in enumerate(answer)}
        else:
            arrays[f"answer_{name}"] = _storable(answer)
    for position, column in enumerate(columns.values()):
        if isinstance(column, np.ndarray):
            arrays[f"input_{position}"] = _storable(column)
        else:
            arrays |= {f"input_{position}_{index}": array for index, array in enumerate(column)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(content: bytes, signature: Signature) -> tuple[dict[str, Column], dict[str, Array]]:
    """The raw columns and the expected answers that `pack` stored.

    Raises:
        ValueError: The content is not such a file.
    """
    arrays = {name: _restored(array) for name, array in read_arrays(io.BytesIO(content)).items()}
    columns = {spec.name: _column(arrays, position) for position, spec in enumerate(signature.inputs)}
    prefix = "answer_"
    whole = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return columns, {**whole, **_ragged(arrays)}


def read(model: Path, signature: Signature, sha256: str) -> tuple[dict[str, Column], dict[str, Array]]:
    """The golden examples beside a model.

    Args:
        model: The model's file.
        signature: Its raw inputs.
        sha256: The digest in its certificate.

    Raises:
        ArtifactError: The file is missing, damaged, or belongs to another model.
    """
    path = golden_path(model)
    if not path.is_file():
        raise ArtifactError(f"{path.name} is missing: it belongs beside {model.name}", fix=_FIX)
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(
            f"{path.name} is damaged, or belongs to another model than {model.name}", fix=_FIX
        )
    try:
        return unpack(content, signature)
    except ValueError as error:
        raise ArtifactError(f"{path.name} cannot be read: {error}", fix=_FIX) from error


def _storable(array: Array) -> Array:
    """Strings become fixed-width unicode, which needs no pickle."""
    return array.astype(np.str_) if array.dtype == object else array


def _restored(array: Array) -> Array:
    return array.astype(object) if array.dtype.kind == "U" else array


def _ragged(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Answers that were stored one by one, since they differ in size."""
    found: dict[str, dict[str, Array]] = {}
    for key, array in arrays.items():
        kind, _, rest = key.partition("_")
        place, _, name = rest.partition("_")
        if kind == "answers":
            found.setdefault(name, {})[place] = array
    return {
        name: gather([parts[str(place)] for place in range(len(parts)) if str(place) in parts])
        for name, parts in found.items()
    }


def _column(arrays: Mapping[str, Array], position: int) -> Column:
    if f"input_{position}" in arrays:
        return arrays[f"input_{position}"]
    prefix = f"input_{position}_"
    num_pictures = sum(name.startswith(prefix) for name in arrays)
    return [arrays[f"{prefix}{index}"] for index in range(num_pictures)]
