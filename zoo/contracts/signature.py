"""What goes in and what comes out: tensors, targets, examples, batches and turns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor, described without its batch axis.

    Attributes:
        name: Unique within its signature.
        kind: Raw: ``"image"``, ``"number"``, ``"category"`` or ``"vector"``. Encoded: ``"image"``,
            ``"vector"`` or ``"table"``. Scores of a network: the kind of its target.
        dtype: NumPy's name (``"float32"``, ``"uint8"``, ``"int64"``) or ``"string"``.
        shape: One example's shape, ``None`` where it varies. Raw images are
            ``(height, width, channels)``, encoded ones ``(channels, height, width)``.
        num_values: How many distinct values an integer input has; 0 and 1 are missing and unknown.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...]
    num_values: int | None = None


@dataclass(frozen=True)
class Target:
    """What is to be predicted; the subclass decides the default loss and the answer in the graph.

    Attributes:
        kind: The name used in ``predicts``, ``fits`` and JSON.
        emits: What a network emits for it: ``"logits"`` or ``"real"``.
        default_loss: The loss entry used unless the recipe names one.
        default_metrics: Metric entries reported; the first one chooses the best checkpoint.
        judged_by: The answer that metrics are given.
    """

    kind: ClassVar[str] = ""
    emits: ClassVar[str] = ""
    default_loss: ClassVar[str] = ""
    default_metrics: ClassVar[tuple[str, ...]] = ()
    judged_by: ClassVar[str] = ""

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """Shape of one example's scores."""
        raise NotImplementedError


@dataclass(frozen=True)
class Classes(Target):
    """One of several labels. Network: logits ``[batch, classes]``; encoded target: int64 ``[batch]``."""

    labels: tuple[str, ...]
    name: str = "label"
    kind: ClassVar[str] = "classes"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")
    judged_by: ClassVar[str] = "probabilities"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """One logit a class."""
        return (len(self.labels),)


@dataclass(frozen=True)
class Binary(Target):
    """Yes or no. Network: logit ``[batch]`` of the second label; encoded target: float32 0/1 ``[batch]``."""

    labels: tuple[str, str]
    name: str = "label"
    kind: ClassVar[str] = "binary"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "binary-cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auroc")
    judged_by: ClassVar[str] = "probability"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """A single logit."""
        return ()


@dataclass(frozen=True)
class Labels(Target):
    """Several yes-or-no answers at once. Logits and encoded target: float32 ``[batch, labels]``."""

    labels: tuple[str, ...]
    kind: ClassVar[str] = "labels"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "binary-cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("micro_f1", "macro_f1", "accuracy")
    judged_by: ClassVar[str] = "probabilities"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """One logit a label."""
        return (len(self.labels),)


@dataclass(frozen=True)
class Values(Target):
    """Real numbers. Network: standardised values ``[batch, values]``; encoded target the same."""

    names: tuple[str, ...]
    kind: ClassVar[str] = "values"
    emits: ClassVar[str] = "real"
    default_loss: ClassVar[str] = "mean-squared-error"
    default_metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")
    judged_by: ClassVar[str] = "values"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """One number a value."""
        return (len(self.names),)


TARGETS: dict[str, type[Target]] = {target.kind: target for target in (Classes, Binary, Labels, Values)}


def _spec(document: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(**{**document, "shape": tuple(document["shape"])})


def _target(document: Mapping[str, Any]) -> Target:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    return TARGETS[str(fields.pop("kind"))](**fields)


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
            "target": {"kind": self.target.kind, **asdict(self.target)},
            "outputs": [asdict(spec) for spec in self.outputs],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The signature that ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: The document is not one.
        """
        return cls(
            inputs=tuple(_spec(spec) for spec in document["inputs"]),
            target=_target(document["target"]),
            outputs=tuple(_spec(spec) for spec in document["outputs"]),
        )


@dataclass(frozen=True)
class Examples:
    """Raw examples, column by column.

    Attributes:
        inputs: For each raw input a NumPy array with the examples along the first axis or, where sizes
            vary, a sequence with one array an example.
        target: The truth: label strings ``[n]`` for classes and binary, bool ``[n, labels]`` for
            labels, float64 ``[n, values]`` for values.
        ids: Where each example stands (file, or file and line), for messages.
    """

    inputs: dict[str, Any]
    target: Any
    ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Splits:
    """A data set: its signature and its splits; what is ``None`` is split off by seed."""

    signature: Signature
    train: Examples
    validation: Examples | None = None
    test: Examples | None = None


@dataclass(frozen=True)
class Batch:
    """Encoded examples: tensors with the batch along the first axis."""

    inputs: tuple[Any, ...]
    target: Any

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Turn:
    """One player's update: ``loss`` is unreduced values, or ``(values, weights)``."""

    player: str
    loss: Any


Turns = Iterator[Turn]
