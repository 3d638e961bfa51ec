"""The recorded proof that an exported model answers as the trained one does."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from zoo.contracts.plain import plain
from zoo.contracts.signature import Signature, spec_from_json
from zoo.contracts.tensors import TensorSpec
from zoo.contracts.typed import require_types

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was compared on held-out examples, how closely it agreed, and what the model was made from.

    Attributes:
        signature: The raw inputs and the target.
        states: Of a language model, what it hands from one text to the next: inputs that begin as zeros, and
            outputs called ``next_`` and the name.
        labels: Of a conditional generator, what it can be asked for.
        reading: Options with which the training table was read; empty where none was.
        answers: The outputs of the file.
        num_examples: Held-out raw examples that were compared.
        batch_sizes: Batch sizes at which they were compared.
        metrics: The task's metrics on those examples, by ``"torch"`` and by ``"onnx"``; NaN where one is undefined.
        max_abs_error: Largest distance from PyTorch in float64, by output and for ``"scores"``.
        tolerance: Largest distance allowed; one number an output, or one a value where units differ.
        plugins: Distributions and versions that the model was made with.
        recipe: The recipe, without local paths.
        weights_sha256: Digest of the trained weights.
        golden_sha256: Digest of the file of golden examples beside the model.
        versions: Versions of Zoo, PyTorch and ONNX Runtime.
        opset: Version of the standard operators.
        ir_version: Version of the ONNX file format.
        format: Version of this document.
    """

    signature: Signature
    answers: tuple[str, ...]
    num_examples: int
    batch_sizes: tuple[int, ...]
    metrics: Mapping[str, Mapping[str, float]]
    max_abs_error: Mapping[str, float]
    tolerance: Mapping[str, tuple[float, ...]]
    plugins: tuple[Mapping[str, str], ...]
    recipe: Mapping[str, Any]
    weights_sha256: str
    golden_sha256: str
    versions: Mapping[str, str]
    opset: int
    ir_version: int
    states: tuple[TensorSpec, ...] = ()
    labels: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        document: dict[str, Any] = plain({**asdict(self), "signature": self.signature.to_json()})
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The certificate that ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: The document is not one.
        """
        tolerance = {name: tuple(limits) for name, limits in document["tolerance"].items()}
        tuples = {name: tuple(document[name]) for name in ("answers", "batch_sizes", "labels", "plugins")}
        signature = Signature.from_json(document["signature"])
        states = tuple(spec_from_json(spec) for spec in document["states"])
        metrics = {
            side: {name: math.nan if value is None else value for name, value in values.items()}
            for side, values in document["metrics"].items()
        }
        read = {"signature": signature, "states": states, "tolerance": tolerance, "metrics": metrics}
        certificate = cls(**{**document, **tuples, **read})
        require_types(certificate)
        return certificate
