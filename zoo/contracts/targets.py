"""What is to be predicted: the target decides the default loss and the answers of the exported model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from zoo.contracts.tensors import TensorSpec
from zoo.contracts.typed import require_types

SCORES = "scores"
"""Name of a network's output where it has one."""

UNKNOWN_PIXEL = 255
"""Number of a pixel in a mask whose label is not known; in an answer, that the network did not see it."""


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes:
        kind: The name used in ``predicts``, ``fits`` and JSON.
        emits: What a network emits for it: ``"logits"`` or ``"real"``.
        default_loss: The loss entry used unless the recipe or the architecture names one.
        default_metrics: Metric entries reported; the first one chooses the best checkpoint.
        judged_by: The answer that is a real number and that metrics are given; for tokens the
            log-likelihood of each next token, which is computed from the scores.
        decided_by: The answer that is a choice among few, where there is one.
    """

    kind: ClassVar[str] = ""
    emits: ClassVar[str] = ""
    default_loss: ClassVar[str] = ""
    default_metrics: ClassVar[tuple[str, ...]] = ()
    judged_by: ClassVar[str] = ""
    decided_by: ClassVar[str] = ""

    @property
    def scores_shape(self) -> tuple[int | None, ...]:
        """Shape of one example's scores."""
        raise NotImplementedError

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What a network emits, tensor by tensor."""
        return (TensorSpec(SCORES, self.kind, "float32", self.scores_shape),)

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of the exported model's outputs."""
        return tuple(name for name in (self.decided_by, self.judged_by) if name)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """The target that ``to_json`` described, its kind left out."""
        return cls(**{key: _as_tuple(value) for key, value in fields.items()})


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
    decided_by: ClassVar[str] = "label"

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
    decided_by: ClassVar[str] = "label"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """A single logit."""
        return ()


@dataclass(frozen=True)
class Labels(Target):
    """Several yes-or-no answers at once. Logits and encoded target: float32 ``[batch, labels]``.

    NaN in the encoded target means that the answer is not known; a loss leaves it out.

    Attributes:
        labels: Names of the questions.
        column: The column that lists an example's labels, where they do not have a column each.
        thresholds: The probability from which each is chosen; one half each until they are tuned.
    """

    labels: tuple[str, ...]
    column: str = ""
    thresholds: tuple[float, ...] = ()
    kind: ClassVar[str] = "labels"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "binary-cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("micro_f1", "macro_f1", "accuracy", "f1")
    judged_by: ClassVar[str] = "probabilities"
    decided_by: ClassVar[str] = "labels"

    @property
    def cuts(self) -> tuple[float, ...]:
        """The probability from which each label is chosen."""
        return self.thresholds or (0.5,) * len(self.labels)

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


@dataclass(frozen=True)
class Tokens(Target):
    """The next token at each place of a text.

    Network: ``forward(tokens, *state) -> (logits, *state)`` with tokens int64 ``[batch, length]``, logits
    ``[batch, length, vocabulary]`` of the token after each, and the state of ``initial_state(batch_size)``:
    tensors whose first axis is the batch. Encoded target: int64 ``[batch, length]``, the token that
    follows; 0 where none does.

    Attributes:
        vocabulary: The token of each number, the first two standing for padding and unknown; empty until
            preprocessing is fitted.
        name: The column or file that the text comes from.
    """

    vocabulary: tuple[str, ...] = ()
    name: str = "text"
    kind: ClassVar[str] = "tokens"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "token-cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("perplexity",)
    judged_by: ClassVar[str] = "log_likelihoods"

    @property
    def scores_shape(self) -> tuple[int | None, ...]:
        """One logit a token of the vocabulary, at each place."""
        return (None, len(self.vocabulary))

    @property
    def answers(self) -> tuple[str, ...]:
        """The probabilities of the token that follows the text; the state is named by the network."""
        return ("probabilities",)


@dataclass(frozen=True)
class Forecast(Target):
    """The next values of a series. Network and encoded target: float32 ``[batch, horizon, channels]``.

    They are in deviations of the window that the example shows, from its mean.
    """

    names: tuple[str, ...]
    horizon: int
    kind: ClassVar[str] = "forecast"
    emits: ClassVar[str] = "real"
    default_loss: ClassVar[str] = "mean-squared-error"
    default_metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae")
    judged_by: ClassVar[str] = "values"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """One number a channel and step ahead."""
        return (self.horizon, len(self.names))


@dataclass(frozen=True)
class Boxes(Target):
    """Objects in a picture.

    Network: ``class_scores`` ``[batch, locations, labels]`` (logits), ``location_boxes``
    ``[batch, locations, 4]`` and ``qualities`` ``[batch, locations]`` (logits of how well a box fits).
    Boxes are left, top, right, bottom in pixels of the picture that the network sees. The score of a box
    is the square root of the product of both probabilities (arXiv:1904.01355, section 3.2, and its code).
    Encoded target: int64 ``[batch, objects]`` with -1 behind the last object, and float32 boxes
    ``[batch, objects, 4]``.

    Attributes:
        labels: What an object can be.
        score_threshold: Boxes with a score up to this are not answered.
        iou_threshold: Of two boxes of one label that overlap by more, the one with the lower score is not
            answered.
        max_objects: Objects answered in a picture at most, those with the highest scores.
    """

    labels: tuple[str, ...]
    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    max_objects: int = 100
    kind: ClassVar[str] = "boxes"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "focal-giou"
    default_metrics: ClassVar[tuple[str, ...]] = ("map_50", "map")
    judged_by: ClassVar[str] = "boxes"
    decided_by: ClassVar[str] = "labels"

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Scores, box and quality of each location."""
        return (
            TensorSpec("class_scores", self.kind, "float32", (None, len(self.labels))),
            TensorSpec("location_boxes", self.kind, "float32", (None, 4)),
            TensorSpec("qualities", self.kind, "float32", (None,)),
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """Padded to the same number of objects a picture; ``num_objects`` are real."""
        return ("boxes", "labels", "scores", "num_objects")


@dataclass(frozen=True)
class Mask(Target):
    """A label for each pixel of a picture.

    Network: logits ``[batch, labels, height, width]`` at the size of the picture that it sees. Encoded
    target: int64 ``[batch, height, width]`` of the same size, -100 where a pixel's label is not known.

    Attributes:
        labels: What a pixel can be, at most 255: the number 255 stands for a pixel that is not known.
    """

    labels: tuple[str, ...]
    kind: ClassVar[str] = "mask"
    emits: ClassVar[str] = "logits"
    default_loss: ClassVar[str] = "cross-entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("mean_iou", "accuracy")
    judged_by: ClassVar[str] = "margin"
    decided_by: ClassVar[str] = "mask"

    @property
    def scores_shape(self) -> tuple[int | None, ...]:
        """One logit a label, at each pixel of the picture that the network sees."""
        return (len(self.labels), None, None)


@dataclass(frozen=True)
class Sample(Target):
    """A picture like those of the data. Network and encoded target: ``[batch, channels, height, width]``.

    Both lie in [-1, 1]; the answer is uint8 ``[batch, height, width, channels]``.

    Attributes:
        channels: 1 for grey, 3 for colour.
        size: Height and width of what is generated; unknown until preprocessing is fitted.
        name: The input of the data that is imitated, and the answer's name.
    """

    channels: int
    size: tuple[int, ...] = ()
    name: str = "image"
    kind: ClassVar[str] = "sample"
    emits: ClassVar[str] = "real"
    judged_by: ClassVar[str] = "image"

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return (self.channels, *self.size)


@dataclass(frozen=True)
class Several(Target):
    """Several targets at once, each with a head and a loss of its own. Network: a tuple, one part each."""

    parts: tuple[Target, ...]
    kind: ClassVar[str] = "several"
    default_loss: ClassVar[str] = "several"

    @property
    def names(self) -> tuple[str, ...]:
        """What each part is called: the column that it comes from."""
        return tuple(part_name(part) for part in self.parts)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The parts' scores, ``scores_NAME``."""
        return tuple(
            TensorSpec(f"{SCORES}_{name}", part.kind, "float32", part.scores_shape)
            for name, part in zip(self.names, self.parts, strict=True)
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """The parts' answers, ``NAME_answer``."""
        return tuple(
            f"{name}_{answer}"
            for name, part in zip(self.names, self.parts, strict=True)
            for answer in part.answers
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON document."""
        return {"kind": self.kind, "parts": [part.to_json() for part in self.parts]}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """The target that ``to_json`` described, its kind left out."""
        return cls(tuple(target_from_json(part) for part in fields["parts"]))


def part_name(target: Target) -> str:
    """The one column that a part of ``Several`` comes from."""
    names: tuple[str, ...] = getattr(target, "names", ()) or (getattr(target, "name", target.kind),)
    return names[0]


TARGETS: dict[str, type[Target]] = {
    target.kind: target
    for target in (Classes, Binary, Labels, Values, Tokens, Forecast, Boxes, Mask, Sample, Several)
}


def target_from_json(document: Mapping[str, Any]) -> Target:
    """The target that ``to_json`` described.

    Raises:
        KeyError, TypeError: The document describes none.
    """
    fields = dict(document)
    target = TARGETS[str(fields.pop("kind"))].from_fields(fields)
    require_types(target)
    return target


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
