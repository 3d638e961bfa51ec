"""What goes in and what comes out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from zoo.contracts.targets import Target, target_from_json
from zoo.contracts.tensors import TensorSpec
from zoo.contracts.typed import require_types


def spec_from_json(document: Mapping[str, Any]) -> TensorSpec:
    """The tensor that ``dataclasses.asdict`` described."""
    spec = TensorSpec(**{**document, "shape": tuple(document["shape"])})
    require_types(spec)
    return spec


@dataclass(frozen=True)
class Signature:
    """Named, typed inputs, the scores a network emits, and the target.

    A data set's signature describes raw inputs and has no outputs; preprocessing turns it into the
    encoded one that an architecture is given.
    """

    inputs: tuple[TensorSpec, ...]
    target: Target
    outputs: tuple[TensorSpec, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        return {
            "inputs": [asdict(spec) for spec in self.inputs],
            "target": self.target.to_json(),
            "outputs": [asdict(spec) for spec in self.outputs],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The signature that ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: The document is not one.
        """
        return cls(
            inputs=tuple(spec_from_json(spec) for spec in document["inputs"]),
            target=target_from_json(document["target"]),
            outputs=tuple(spec_from_json(spec) for spec in document["outputs"]),
        )
