"""What a plugin offers: named entries that point at factories without importing them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One named thing that a plugin offers.

    Attributes:
        name: Kebab-case name, unique within its kind.
        factory: ``"package.module:attribute"``, imported on first use.
        summary: One line for listings.
        reference: The paper, for example ``"arXiv:1512.03385"``.
        unsupported: Why Zoo cannot use what is offered; it is listed, and refused with these words.
        exempt: Checks of the conformance kit that it is known to fail, each with the reason; one that it
            would pass is a failure, and so is one without a reason.

    Raises:
        ValueError: The name or the factory is malformed.
    """

    name: str
    factory: str
    summary: str
    reference: str = ""
    unsupported: str = ""
    exempt: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"entry name {self.name!r} is not lower-case words joined by '-', '_' or '.'")
        if not _FACTORY.fullmatch(self.factory):
            raise ValueError(
                f"factory {self.factory!r} of entry {self.name!r} is not 'package.module:attribute'"
            )


@dataclass(frozen=True, kw_only=True)
class Architecture(Entry):
    """A network: ``factory(signature, *, options...) -> torch.nn.Module``.

    With several players the factory returns a mapping from player name to module instead.

    Attributes:
        accepts: Encoded kinds it takes, the preferred first (``("image", "vector")``).
        predicts: Kinds of target it can answer (``("classes", "values")``).
        players: Names of its trainable parts; one supervised network by default.
        objective: Name of the objective that trains it.
        exports: The player that is exported.
        image_size: Side in pixels that pictures and frames of differing sizes are brought to, unless the user says.
        min_image_size: Side in pixels below which pictures of one size are brought to ``image_size`` too.
        num_frames: Frames that a clip is brought to, unless the user says; 16 if it is not said here either.
        image_mean: Mean of each channel, of 0 to 1, by which pictures are standardised; that of the
            training pictures if empty. One channel takes the mean of several.
        image_std: Deviation of each channel likewise.
        latent_size: Of one that predicts samples: numbers in a latent vector, unless the user says.
        is_conditional: Of one that predicts samples: whether it takes the label too.
        recipe: Recipe keys this network trains better with, dotted (``{"clip_norm": 1.0}``);
            whatever the user says comes first.
        num_parameters: Parameters of the network with its default options, as its plugin measured them.
        conformance: ``"passed"``, or ``"failed: ..."`` with the cause, as its plugin measured it; empty if
            it was not tried.
    """

    accepts: tuple[str, ...]
    predicts: tuple[str, ...]
    players: tuple[str, ...] = ("model",)
    objective: str = "supervised"
    exports: str = "model"
    image_size: int | None = None
    min_image_size: int = 1
    num_frames: int | None = None
    image_mean: tuple[float, ...] = ()
    image_std: tuple[float, ...] = ()
    latent_size: int = 64
    is_conditional: bool = False
    recipe: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    num_parameters: int | None = None
    conformance: str = ""
    kind: ClassVar[str] = "architecture"


@dataclass(frozen=True, kw_only=True)
class Loss(Entry):
    """A loss: ``factory(*, options...) -> callable(prediction, target) -> unreduced values``.

    The first axis of the values is the batch. The trainer owns the reduction: it minimises the sum of the
    values over their count. A callable may return ``(values, weights)``; then the cost is the sum of
    ``values * weights`` over the sum of the weights.

    Attributes:
        fits: Kinds of target it is for.
        expects: What the network must emit: ``"logits"``, ``"probabilities"`` or ``"real"``.
        link: How values follow from scores: ``"identity"`` standardises them by mean and deviation,
            ``"log"`` makes them mean · exp(score), for counts and rates.
        is_nonnegative: Whether no value is ever below 0, with default options.
    """

    fits: tuple[str, ...]
    expects: str
    link: str = "identity"
    is_nonnegative: bool = True
    kind: ClassVar[str] = "loss"


@dataclass(frozen=True, kw_only=True)
class Optimizer(Entry):
    """An optimizer: ``factory(named_parameters, *, options...) -> torch.optim.Optimizer``.

    Any ``torch.optim.Optimizer`` subclass is such a factory as it is.

    Attributes:
        needs_closure: Its ``step`` evaluates the loss itself, several times (L-BFGS).
    """

    needs_closure: bool = False
    kind: ClassVar[str] = "optimizer"


@dataclass(frozen=True, kw_only=True)
class Initializer(Entry):
    """An initializer: ``factory(*, options...) -> callable(tensor)`` that fills the tensor in place."""

    kind: ClassVar[str] = "initializer"


@dataclass(frozen=True, kw_only=True)
class Schedule(Entry):
    """A schedule: ``factory(*, options...) -> callable(step, num_steps) -> factor``, a pure function."""

    kind: ClassVar[str] = "schedule"


@dataclass(frozen=True, kw_only=True)
class Dataset(Entry):
    """A data set: ``factory(*, options...) -> Splits``."""

    kind: ClassVar[str] = "dataset"


@dataclass(frozen=True, kw_only=True)
class Metric(Entry):
    """A metric: ``factory(target, *, options...) -> torchmetrics.Metric``.

    It is updated with answers and truth: probabilities ``[batch, classes]`` and indices ``[batch]`` for
    classes, probability and 0/1 ``[batch]`` for binary, ``[batch, labels]`` for labels, values in their
    own unit ``[batch, values]`` for values.

    Attributes:
        fits: Kinds of target it is for.
        higher_is_better: Which way a better model moves it.
        judges: ``"measure"``: it is given the answer that is a real number (probabilities, values), or
            what the network emits where the target says so; ``"decision"``: the answer that is chosen.
    """

    fits: tuple[str, ...]
    higher_is_better: bool
    judges: str = "measure"
    kind: ClassVar[str] = "metric"


@dataclass(frozen=True, kw_only=True)
class Objective(Entry):
    """An objective: ``factory(models, batch, loss, *, options...) -> Iterator[Turn]``, a generator.

    It is also played without updates, in eval mode and without gradients, to judge a split: the mean of
    each turn's values is a loss that is reported.

    Attributes:
        fits: Kinds of target it is for; any if empty.
        plays: The players of an architecture that take its turns.
        players: Further players that it brings, which take no turn or have turns of their own: name to
            ``"package.module:attribute"`` of a factory ``factory(signature, **options)``, given those of
            the objective's options that it names. A player without a parameter that requires a gradient
            is frozen and has no optimizer.
    """

    fits: tuple[str, ...] = ()
    plays: tuple[str, ...] = ("model",)
    players: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    kind: ClassVar[str] = "objective"


@dataclass(frozen=True, kw_only=True)
class Model(Entry):
    """A trained model: ``factory() -> Path`` of its certified ``.onnx`` file, without importing torch.

    Its golden examples stand beside it. `zoo package` writes distributions that offer one.
    """

    kind: ClassVar[str] = "model"


KINDS: tuple[type[Entry], ...] = (
    Architecture,
    Loss,
    Optimizer,
    Initializer,
    Schedule,
    Dataset,
    Metric,
    Objective,
    Model,
)

PLURALS: Mapping[str, str] = MappingProxyType(
    {kind.kind: f"{kind.kind}es" if kind.kind.endswith("s") else f"{kind.kind}s" for kind in KINDS}
)
"""The word for several entries of a kind: losses, architectures."""
