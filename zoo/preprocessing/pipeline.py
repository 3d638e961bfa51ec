"""A data set's preprocessing: which encoded kind a network gets, fitted once, kept as one ONNX file."""

import json
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf.message import DecodeError
from onnx import ModelProto, StringStringEntryProto

from zoo.contracts.signature import Examples, Signature, TensorSpec
from zoo.errors import ArtifactError, UsageError
from zoo.preprocessing import image, table, targets, vector
from zoo.preprocessing.encoding import SCORES, Encoding, check_names
from zoo.preprocessing.image import Geometry

_METADATA = "zoo.preprocessing"
_REACHABLE = {"image": ("image", "vector"), "table": ("table", "vector"), "vector": ("vector",)}


@dataclass(frozen=True)
class Preprocessing:
    """Fitted preprocessing.

    Attributes:
        raw: The data set's signature.
        encoded: The signature an architecture is given: encoded inputs, scores, target.
        fitted: What was learned from the training split, as plain data for JSON; ``fitted["target"]``
            is what postprocessing needs.
        graph: Raw to encoded, tensors named as in the signatures; this is what ships.
        stored: Names of the tensors in the graph that training keeps in memory.
    """

    raw: Signature
    encoded: Signature
    fitted: dict[str, Any]
    graph: ModelProto
    stored: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """An ONNX file whose metadata hold all that is not in the graph."""
        document = {
            "raw": self.raw.to_json(),
            "encoded": self.encoded.to_json(),
            "fitted": self.fitted,
            "stored": self.stored,
        }
        model = ModelProto()
        model.CopyFrom(self.graph)
        model.metadata_props.append(StringStringEntryProto(key=_METADATA, value=json.dumps(document)))
        return bytes(model.SerializeToString(deterministic=True))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What ``to_bytes`` wrote.

        Raises:
            ArtifactError: The bytes are damaged or something else.
        """
        try:
            model = ModelProto.FromString(data)
            (document,) = [
                json.loads(entry.value) for entry in model.metadata_props if entry.key == _METADATA
            ]
            del model.metadata_props[:]
            return cls(
                raw=Signature.from_json(document["raw"]),
                encoded=Signature.from_json(document["encoded"]),
                fitted=document["fitted"],
                graph=model,
                stored=tuple(document["stored"]),
            )
        except (DecodeError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"these {len(data)} bytes are not a preprocessing graph of Zoo: {error}",
                fix="the run's preprocessing.onnx is damaged; train again, or restore the file",
            ) from error


def fit(
    signature: Signature,
    train: Examples,
    accepts: tuple[str, ...],
    *,
    geometry: Geometry | None = None,
    link: str = "identity",
) -> Preprocessing:
    """Fits preprocessing to the training split, for the first accepted kind that the inputs can become.

    Args:
        signature: The raw inputs and the target.
        train: The training split; nothing else is looked at.
        accepts: Encoded kinds that the architecture takes, the preferred first.
        geometry: The size that pictures are brought to, and how.
        link: How values follow from scores, as the loss says.

    Raises:
        UsageError: The inputs cannot become any accepted kind, or a size is missing.
        DataError: The training split cannot be learned from.
    """
    family = _family(signature)
    kind = next((kind for kind in accepts if kind in _REACHABLE[family]), None)
    if kind is None:
        raise UsageError(
            f"the data gives {_described(signature)}, which can become {' or '.join(_REACHABLE[family])}; "
            f"the network accepts {' or '.join(accepts)}",
            fix=f"choose a network that accepts it: zoo list architectures --accepts {_REACHABLE[family][0]}",
        )
    check_names(signature)
    encoding = _encode(family, signature, train, kind, geometry or Geometry())
    scores = TensorSpec(SCORES, signature.target.kind, "float32", signature.target.scores_shape)
    return Preprocessing(
        raw=signature,
        encoded=Signature(encoding.inputs, signature.target, (scores,)),
        fitted={**encoding.statistics, "target": targets.fit(signature.target, train, link)},
        graph=encoding.graph,
        stored=encoding.stored,
    )


def _encode(family: str, signature: Signature, train: Examples, kind: str, geometry: Geometry) -> Encoding:
    spec = signature.inputs[0]
    if family == "image":
        return image.fit(spec, train.inputs[spec.name], kind, geometry)
    if family == "vector":
        return vector.fit(spec, train)
    return table.fit(signature.inputs, train, kind)


def _family(signature: Signature) -> str:
    kinds = {spec.kind for spec in signature.inputs}
    if kinds and kinds <= {"number", "category"}:
        return "table"
    if len(signature.inputs) == 1 and kinds <= {"image", "vector"}:
        return kinds.pop()
    raise UsageError(
        f"the data gives {_described(signature)}; one image, one vector or the columns of a table can be learned from"
    )


def _described(signature: Signature) -> str:
    return ", ".join(f"{spec.kind} {spec.name!r}" for spec in signature.inputs) or "no input"
