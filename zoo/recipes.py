"""Builds a complete recipe from what the user said and from defaults, and checks every key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.choices import (
    as_choice,
    complete_by_player,
    complete_choice,
    complete_losses,
    complete_objective,
)
from zoo.contracts.entries import Architecture
from zoo.contracts.recipe import (
    KEYS,
    Checkpointing,
    Choice,
    EarlyStopping,
    Initialization,
    PartLoss,
    Recipe,
    Settings,
)
from zoo.contracts.targets import Several, Target, Tokens, part_name
from zoo.errors import UsageError, did_you_mean
from zoo.options import schema_of_settings
from zoo.registry import Registered, Registry
from zoo.words import NONE, Tree, merge, nest

# Enough updates to converge on small data without hours on large data; see docs/explanation/defaults.md.
_NUM_STEPS = 3000
_MAX_EPOCHS = 100
_MIN_EPOCHS = 5
_TURNS_A_WINDOW = 8
_DEFAULTS: Tree = {
    "optimizer": {"name": "adamw"},
    "schedule": {"name": "cosine"},
}


@dataclass(frozen=True)
class DataFacts:
    """What the defaults depend on.

    Attributes:
        target: What is to be predicted.
        num_train: Examples in the training split.
    """

    target: Target
    num_train: int


def complete(given: Mapping[str, Any], facts: DataFacts, data: Choice, registry: Registry) -> Recipe:
    """The recipe with every default filled and every key checked.

    Args:
        given: What the user said, ``model`` included.
        facts: What is known of the data.
        data: The data set, with its options already completed.
        registry: Where names are looked up.

    Raises:
        UsageError: A key, name or value does not exist or does not fit; the nearest is suggested.
    """
    check_keys(given)
    architecture = find_architecture(given, registry)
    tree = with_defaults(given, architecture, facts)
    require_fit(architecture, facts.target, registry)
    players = _trained_players(architecture)
    entry = architecture.entry
    assert isinstance(entry, Architecture)
    losses = complete_losses(tree["loss"], facts.target, registry)
    return Recipe(
        model=complete_choice("model", "architecture", tree["model"], registry),
        data=data,
        objective=complete_objective(tree["objective"], entry, facts.target, registry),
        loss=losses.get("", PartLoss(Choice(facts.target.kind))).loss,
        losses={name: part for name, part in losses.items() if name},
        optimizers=complete_by_player("optimizer", tree["optimizer"], players, registry),
        schedules=complete_by_player("schedule", tree["schedule"], players, registry),
        initialization=_initialization(tree.get("initialization", {}), registry),
        settings=_settings(tree, facts.target, registry),
    )


def check_keys(given: Mapping[str, Any]) -> None:
    """Refuses a key that no recipe has.

    Raises:
        UsageError: Names the nearest key.
    """
    for key in given:
        if key not in KEYS:
            raise UsageError(f"unknown key {key!r}", fix=did_you_mean(key, KEYS))


def find_architecture(given: Mapping[str, Any], registry: Registry) -> Registered:
    """The architecture that the recipe names.

    Raises:
        UsageError: There is no such architecture, none is named, or it is offered by name alone.
    """
    name = as_choice(given.get("model", {})).get("name")
    if not name:
        raise UsageError("the recipe names no model", fix="known: " + registry.known("architecture"))
    found = registry.get("architecture", str(name))
    found.require_support()
    return found


def suggested(architecture: Registered) -> Tree:
    """The recipe keys that an architecture brings along."""
    entry = architecture.entry
    assert isinstance(entry, Architecture)
    return merge(*(nest(key.split("."), value) for key, value in entry.recipe.items()))


def with_defaults(given: Mapping[str, Any], architecture: Registered, facts: DataFacts) -> Tree:
    """What the user said over what the architecture suggests over what the data suggests."""
    entry = architecture.entry
    assert isinstance(entry, Architecture)
    batch_size = 32 if facts.num_train < 4000 else 128
    chosen = merge({"batch_size": batch_size}, suggested(architecture), given)
    asked = chosen["batch_size"]
    # Another batch size than a count is refused with the other settings.
    steps = -(-facts.num_train // asked) if isinstance(asked, int) and asked > 0 else 1
    # A language model is updated several times in each long window.
    steps *= _TURNS_A_WINDOW if isinstance(facts.target, Tokens) else 1
    derived = {
        "objective": {"name": entry.objective},
        "loss": _default_loss(facts.target),
        "epochs": max(_MIN_EPOCHS, min(_MAX_EPOCHS, _NUM_STEPS // max(steps, 1))),
        "metrics": default_metrics(facts.target),
    }
    return merge(_DEFAULTS, derived, chosen)


def default_metrics(target: Target) -> list[str]:
    """Names of the metrics that a target is reported by; of several targets ``PART.METRIC``."""
    if isinstance(target, Several):
        return [f"{part_name(part)}.{name}" for part in target.parts for name in default_metrics(part)]
    return list(target.default_metrics)


def _default_loss(target: Target) -> Tree:
    if isinstance(target, Several):
        return {part_name(part): {"name": part.default_loss} for part in target.parts}
    return {"name": target.default_loss} if target.default_loss else {}


def _trained_players(architecture: Registered) -> tuple[str, ...]:
    entry = architecture.entry
    assert isinstance(entry, Architecture)
    return entry.players


# What the first step already depends on.
FIXED = ("model", "data", "seed", "initialization", "batch_size", "objective", "optimizer", "ema", "metrics")


def check_seed(given: Any) -> int:
    """The recipe's seed, which is needed before the data is split.

    Raises:
        UsageError: It is not a whole number from 0 up.
    """
    seed: int = schema_of_settings(Settings).arguments({"seed": given}, where="")["seed"]
    return seed


def plugins_of(recipe: Recipe, registry: Registry) -> list[dict[str, str]]:
    """Distribution and version of every plugin that the recipe's entries come from."""
    kinds = {"model": "architecture"}
    initializers = [
        recipe.initialization.weights,
        recipe.initialization.biases,
        *recipe.initialization.parameters.values(),
    ]
    named = [(kinds.get(key, key), getattr(recipe, key).name) for key in ("model", "objective")]
    named += [("loss", part.loss.name) for part in recipe.losses.values()] or [("loss", recipe.loss.name)]
    named += [("optimizer", choice.name) for choice in recipe.optimizers.values()]
    named += [("schedule", choice.name) for choice in recipe.schedules.values()]
    named += [("initializer", choice.name) for choice in initializers if choice]
    named += [("metric", name.rpartition(".")[2]) for name in recipe.settings.metrics]
    if recipe.data.name in registry.names("dataset"):
        named.append(("dataset", recipe.data.name))
    plugins = [registry.get(kind, name).plugin for kind, name in named]
    versions = {plugin.distribution: plugin.version for plugin in plugins}
    return [{"distribution": name, "version": versions[name]} for name in sorted(versions)]


def differences(before: Any, after: Any, key: str = "") -> dict[str, str]:
    """Dotted keys at which two documents differ, each with a line that shows both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found: dict[str, str] = {}
        for part in dict.fromkeys([*before, *after]):
            found |= differences(before.get(part), after.get(part), f"{key}.{part}" if key else str(part))
        return found
    if isinstance(before, tuple):
        before = list(before)
    if isinstance(after, tuple):
        after = list(after)
    return {} if before == after else {key: f"{key} was {before!r}, is {after!r}"}


def write(recipe: Recipe) -> str:
    """The recipe as TOML; ``none`` stands for an option that is off."""
    import tomli_w

    return tomli_w.dumps(_without_nulls(recipe.to_json()))


def require_fit(architecture: Registered, target: Target, registry: Registry) -> None:
    """Refuses a network that cannot answer the target.

    Raises:
        UsageError: Names those that can.
    """
    entry = architecture.entry
    assert isinstance(entry, Architecture)
    if target.kind not in entry.predicts:
        able = registry.known("architecture", lambda each: target.kind in each.predicts)
        raise UsageError(
            f"architecture {entry.name!r} predicts {' or '.join(entry.predicts)}, but the data's target is {target.kind}",
            fix=f"architectures that predict {target.kind}: {able or 'none is installed'}",
        )


def _initialization(given: Any, registry: Registry) -> Initialization:
    if not isinstance(given, Mapping):
        raise UsageError(
            f"initialization={given!r} is not a table",
            fix="for example initialization.weights=xavier-uniform",
        )
    known = ("weights", "biases", "parameters")
    for key in given:
        if key not in known:
            raise UsageError(f"unknown key 'initialization.{key}'", fix=did_you_mean(key, known))
    choose = _initializer_reader(registry)
    return Initialization(
        weights=choose("initialization.weights", given["weights"]) if "weights" in given else None,
        biases=choose("initialization.biases", given["biases"]) if "biases" in given else None,
        parameters={
            pattern: choose(f"initialization.parameters.{pattern}", value)
            for pattern, value in dict(given.get("parameters", {})).items()
        },
    )


def _initializer_reader(registry: Registry) -> Callable[[str, Any], Choice]:
    def read(key: str, value: Any) -> Choice:
        """A number stands for the constant initializer."""
        if isinstance(value, int | float):
            value = {"name": "constant", "value": value}
        if isinstance(value, Mapping) and "name" not in value:
            raise UsageError(f"{key!r} names no initializer", fix="known: " + registry.known("initializer"))
        return complete_choice(key, "initializer", value, registry)

    return read


def _settings(tree: Mapping[str, Any], target: Target, registry: Registry) -> Settings:
    schema = schema_of_settings(Settings)
    plain = {option.name: tree[option.name] for option in schema.options if option.name in tree}
    stopping = tree.get("early_stopping", NONE)
    settings = Settings(
        **schema.arguments(plain, where=""),
        early_stopping=None
        if stopping in (NONE, None)
        else EarlyStopping(**_section(EarlyStopping, "early_stopping", stopping)),
        checkpoint=Checkpointing(**_section(Checkpointing, "checkpoint", tree.get("checkpoint", {}))),
    )
    _require_metrics(settings, target, registry)
    return settings


def _section(settings: type, key: str, given: Any) -> Tree:
    if not isinstance(given, Mapping):
        names = [option.name for option in schema_of_settings(settings).options]
        raise UsageError(f"{key}={given!r} is not a table", fix=f"for example {key}.{names[0]}=5")
    return schema_of_settings(settings).arguments(given, where=f"{key}.")


def _require_metrics(settings: Settings, target: Target, registry: Registry) -> None:
    kinds = _kinds_of_parts(target)
    for name in settings.metrics:
        part, _, metric = name.rpartition(".")
        entry: Any = registry.get("metric", metric).entry
        if kinds.get(part) not in entry.fits:
            raise UsageError(
                f"metric {name!r} is for {' or '.join(entry.fits)}, but the data's target is {target.kind}",
                fix=f"metrics that fit: {', '.join(default_metrics(target))}",
            )
    best = settings.checkpoint.best
    if best is not None and best not in (*settings.metrics, "loss", "last"):
        raise UsageError(
            f"checkpoint.best={best} is not among the metrics of this recipe",
            fix=did_you_mean(best, (*settings.metrics, "loss", "last")),
        )


def _kinds_of_parts(target: Target) -> dict[str, str]:
    """The kind of target that a metric's prefix stands for; one target has none."""
    if isinstance(target, Several):
        return {part_name(part): part.kind for part in target.parts}
    return {"": target.kind}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nulls(each) for each in value]
    return NONE if value is None else value
