"""A data set's preprocessing: which encoded kind a network gets, fitted once, kept as one ONNX file."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Self

from google.protobuf.message import DecodeError
from onnx import ModelProto, StringStringEntryProto

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Boxes, Mask, Target, Tokens
from zoo.errors import ArtifactError, UsageError
from zoo.preprocessing import image, latent, series, table, targets, text, vector, video
from zoo.preprocessing.encoding import Encoding, check_names
from zoo.preprocessing.image import Geometry, Standard
from zoo.preprocessing.shrinking import Sample
from zoo.preprocessing.text import Tokenisation

_METADATA = "zoo.preprocessing"
_REACHABLE = {
    "image": ("image", "vector"),
    "video": ("video",),
    "table": ("table", "vector"),
    "vector": ("vector",),
    "text": ("tokens",),
    "series": ("series",),
    "latent": ("latent",),
}


@dataclass(frozen=True)
class Wishes:
    """What the user or the architecture asks of preprocessing.

    Attributes:
        geometry: The size that pictures and frames are brought to, and how.
        num_frames: How many frames of a clip are taken.
        standard: The constants that pictures are standardised by; learned from them if there are none.
        tokenisation: How texts become tokens.
        link: How values follow from scores, as the loss says.
    """

    geometry: Geometry = field(default_factory=Geometry)
    num_frames: int | None = None
    standard: Standard | None = None
    tokenisation: Tokenisation = field(default_factory=Tokenisation)
    link: str = "identity"


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
        carried: Names of outputs of the graph that go past the network to postprocessing.
        sample: Pictures or clips of the training split that fitting has brought to size already; not saved.
    """

    raw: Signature
    encoded: Signature
    fitted: dict[str, Any]
    graph: ModelProto
    stored: tuple[str, ...]
    carried: tuple[str, ...] = ()
    sample: Sample | None = field(default=None, compare=False, repr=False)

    def to_bytes(self) -> bytes:
        """An ONNX file whose metadata hold all that is not in the graph."""
        document = {
            "raw": self.raw.to_json(),
            "encoded": self.encoded.to_json(),
            "fitted": self.fitted,
            "stored": self.stored,
            "carried": self.carried,
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
                carried=tuple(document["carried"]),
            )
        except (DecodeError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"these {len(data)} bytes are not a preprocessing graph of Zoo: {error}",
                fix="the run's preprocessing.onnx is damaged; train again, or restore the file",
            ) from error


def fit(
    signature: Signature, train: Examples, accepts: tuple[str, ...], wishes: Wishes | None = None
) -> Preprocessing:
    """Fits preprocessing to the training split, for the first accepted kind that the inputs can become.

    Args:
        signature: The raw inputs and the target.
        train: The training split; nothing else is looked at.
        accepts: Encoded kinds that the architecture takes, the preferred first.
        wishes: Sizes, tokens and the like.

    Raises:
        UsageError: The inputs cannot become any accepted kind, or a size is missing.
        DataError: The training split cannot be learned from.
    """
    wishes = wishes or Wishes()
    family = _family(signature)
    kind = next((kind for kind in accepts if kind in _REACHABLE[family]), None)
    if kind is None:
        raise UsageError(
            f"the data gives {_described(signature)}, which can become {' or '.join(_REACHABLE[family])}; "
            f"the network accepts {' or '.join(accepts)}",
            fix=f"choose a network that accepts it: zoo list architectures --accepts {_REACHABLE[family][0]}",
        )
    check_names(signature)
    encoding = _encode(family, signature, train, kind, wishes)
    target, fitted = targets.fit(signature.target, train, encoding, wishes.geometry, wishes.link)
    return Preprocessing(
        raw=replace(signature, target=target),
        encoded=Signature(encoding.inputs, target, target.outputs),
        fitted={**encoding.statistics, "target": fitted},
        graph=encoding.graph,
        stored=encoding.stored,
        carried=_carried(encoding, target),
        sample=encoding.sample,
    )


def _carried(encoding: Encoding, target: Target) -> tuple[str, ...]:
    """What goes past the network; of a text its tokens, since the answer belongs to the last one."""
    return (encoding.inputs[0].name,) if isinstance(target, Tokens) else encoding.carried


def _encode(family: str, signature: Signature, train: Examples, kind: str, wishes: Wishes) -> Encoding:
    spec, target = signature.inputs[0], signature.target
    match family:
        case "image":
            return image.fit(
                spec,
                train.inputs[spec.name],
                kind,
                wishes.geometry,
                standard=wishes.standard,
                carried=_told(target),
            )
        case "video":
            return video.fit(
                spec,
                train.inputs[spec.name],
                wishes.geometry,
                num_frames=wishes.num_frames,
                standard=wishes.standard,
            )
        case "vector":
            return vector.fit(spec, train)
        case "text":
            return text.fit(spec, train, wishes.tokenisation)
        case "series":
            return series.fit(signature.inputs, train, target)
        case "latent":
            return latent.fit(signature.inputs, train)
    return table.fit(signature.inputs, train, kind)


def _told(target: Target) -> tuple[str, ...]:
    """What postprocessing needs to know of a picture."""
    if isinstance(target, Boxes):
        return image.RATIO, image.GIVEN_SIZE
    return (image.GIVEN_SIZE,) if isinstance(target, Mask) else ()


def _family(signature: Signature) -> str:
    kinds = {spec.kind for spec in signature.inputs}
    if "latent" in kinds:
        return "latent"
    if kinds and kinds <= {"number", "category"}:
        return "table"
    if kinds == {"series"}:
        return "series"
    if len(signature.inputs) == 1 and kinds <= {"image", "video", "vector", "text"}:
        return kinds.pop()
    raise UsageError(
        f"the data gives {_described(signature)}; one image, video, text or vector, "
        "the columns of a table, or those of a series can be learned from",
        fix="leave columns out with data.drop=[…]",
    )


def _described(signature: Signature) -> str:
    return ", ".join(f"{spec.kind} {spec.name!r}" for spec in signature.inputs) or "no input"
