"""The complete, serialisable description of one run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal


@dataclass(frozen=True)
class Choice:
    """An entry by name, with every one of its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data: the options beside ``name``."""
        return {"name": self.name, **self.options}


def _setting(default: Any, meaning: str, **bounds: float) -> Any:
    return field(default=default, metadata={"meaning": meaning, "bounds": bounds})


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """When to stop before the last epoch."""

    patience: int = _setting(10, "validations without improvement before training stops", ge=1)
    min_delta: float = _setting(0.0, "smallest change of the metric that counts as improvement", ge=0)


@dataclass(frozen=True, kw_only=True)
class Checkpointing:
    """When checkpoints are written and which one is the best."""

    every: int | None = _setting(None, "steps between checkpoints besides the one after each epoch", ge=1)
    keep: int = _setting(2, "newest checkpoints that are kept besides the best", ge=1)
    best: str | None = _setting(
        None, "metric on the validation split that chooses the best; the target's first by default"
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The recipe's keys that are plain values."""

    epochs: int = _setting(10, "passes over the training split", ge=1)
    batch_size: int = _setting(64, "examples one step sees, over all micro-batches", ge=1)
    seed: int = _setting(0, "decides splits, initial weights, order and dropout", ge=0)
    device: Literal["auto", "cpu", "cuda", "mps"] = _setting(
        "auto", "where to train; auto takes cuda, then mps, then cpu"
    )
    precision: Literal["float32", "bf16", "fp16"] = _setting(
        "float32", "bf16 and fp16 run matrix products in bfloat16 or float16 (autocast)"
    )
    memory_format: Literal["auto", "contiguous", "channels_last"] = _setting(
        "auto", "order of pictures in memory; auto takes channels_last with bf16 and fp16"
    )
    compile: bool = _setting(
        False, "compile the whole step; takes tens of seconds, which long trainings repay"
    )
    deterministic: bool = _setting(
        False, "same bits again on a GPU too, which is slower there; the CPU always is deterministic"
    )
    on_nonfinite: Literal["stop", "skip"] = _setting(
        "stop", "what to do with a step that is not finite; skip stops after five in a row"
    )
    shard: bool = _setting(
        False,
        "spread weights and optimizer state over the processes (FSDP2), for what fits into none of them",
    )
    accumulate: int = _setting(1, "micro-batches that one batch is cut into", ge=1)
    clip_norm: float | None = _setting(None, "largest norm of a player's gradient", gt=0)
    ema: float | None = _setting(None, "decay of the exponential moving average of the weights", gt=0, lt=1)
    metrics: tuple[str, ...] = _setting((), "metrics to report; the target's own by default")
    early_stopping: EarlyStopping | None = None
    checkpoint: Checkpointing = field(default_factory=Checkpointing)


@dataclass(frozen=True, kw_only=True)
class Initialization:
    """How parameters are drawn; what is ``None`` keeps the network's own.

    Attributes:
        weights: Parameters with two or more dimensions.
        biases: Parameters called ``bias``.
        parameters: By pattern of the parameter's name (``"head.*"``); the first match counts.
    """

    weights: Choice | None = None
    biases: Choice | None = None
    parameters: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True)
class PartLoss:
    """The loss of one of several targets, and what it counts."""

    loss: Choice
    weight: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain data: the loss with its options, and the weight."""
        return {**self.loss.to_json(), "weight": self.weight}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run, completely: the same recipe, data and versions give the same weights.

    Attributes:
        model: The architecture.
        data: The data set.
        objective: Who plays when.
        loss: What is minimised.
        losses: By part of several targets, its loss; then ``loss`` only says that they are several.
        optimizers: By player; a player without one is frozen.
        schedules: By player.
        initialization: How parameters are drawn.
        settings: The keys that are plain values.
    """

    model: Choice
    data: Choice
    objective: Choice
    loss: Choice
    losses: Mapping[str, PartLoss] = field(default_factory=dict)
    optimizers: Mapping[str, Choice]
    schedules: Mapping[str, Choice]
    initialization: Initialization = field(default_factory=Initialization)
    settings: Settings = field(default_factory=Settings)

    def to_json(self) -> dict[str, Any]:
        """Plain data with the recipe's keys; what stands in several players or parts is a table by name."""
        loss = {name: part.to_json() for name, part in self.losses.items()} or self.loss.to_json()
        initialization = {
            role: choice.to_json()
            for role, choice in (
                ("weights", self.initialization.weights),
                ("biases", self.initialization.biases),
            )
            if choice is not None
        }
        patterns = {pattern: choice.to_json() for pattern, choice in self.initialization.parameters.items()}
        return {
            **{key: value for key, value in asdict(self.settings).items() if not isinstance(value, dict)},
            **{key: getattr(self, key).to_json() for key in ("model", "data", "objective")},
            "loss": loss,
            "optimizer": _by_player(self.optimizers),
            "schedule": _by_player(self.schedules),
            "initialization": {**initialization, **({"parameters": patterns} if patterns else {})},
            "early_stopping": asdict(self.settings.early_stopping) if self.settings.early_stopping else None,
            "checkpoint": asdict(self.settings.checkpoint),
        }


def _by_player(choices: Mapping[str, Choice]) -> dict[str, Any]:
    """The one player's choice, or a table of them."""
    if len(choices) == 1:
        return next(iter(choices.values())).to_json()
    return {name: choice.to_json() for name, choice in choices.items()}


CHOICES = ("model", "data", "objective", "loss", "optimizer", "schedule")
KEYS = (*(setting.name for setting in fields(Settings)), *CHOICES, "initialization")
