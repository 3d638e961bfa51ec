"""The complete recipe and the data it speaks of, before anything is built; and what both depend on."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from zoo import data, recipes
from zoo.contracts.entries import Architecture, Loss
from zoo.contracts.examples import Splits
from zoo.contracts.recipe import Choice, Recipe
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Boxes, Classes, Mask, Sample, Target, Tokens
from zoo.data import Data
from zoo.data.generation import as_samples
from zoo.errors import ArtifactError, DataError, UsageError, first_of
from zoo.files import dump_json, load_json, read_bytes
from zoo.preprocessing import Geometry, Preprocessing, Standard, Tokenisation, Wishes
from zoo.registry import CORE, Registered, Registry
from zoo.runs import Run
from zoo.words import merge

Document = dict[str, Any]
_NUM_LOOKED_AT = 1000
_LONGEST = {"words": 256, "characters": 1024}


@dataclass(frozen=True)
class Plan:
    """A complete recipe and its data.

    Attributes:
        recipe: Every key.
        data: The data set as it was read.
        splits: Its examples as this network is trained on them: for a generator the pictures are the truth.
    """

    recipe: Recipe
    data: Data
    splits: Splits


def plan(given: Mapping[str, Any], registry: Registry, *, begun: Run | None = None) -> Plan:
    """Loads the data that the recipe names and fills every default from what it is.

    Args:
        given: The recipe as far as it is known.
        registry: Where names are looked up.
        begun: The run that is to go on with it, if it is not the first time.

    Raises:
        UsageError: A key, name or value does not exist or does not fit, or the data is of another kind
            than that of the run.
        DataError: The data cannot be read or learned from.
    """
    recipes.check_keys(given)
    architecture = recipes.find_architecture(given, registry)
    tree = merge({"seed": 0}, recipes.suggested(architecture), given)
    source, options = _source(tree.get("data"), registry)
    found = data.load(source, options, seed=recipes.check_seed(tree["seed"]), registry=registry)
    if begun is not None:
        # Said first: a recipe that was right for the old data may be wrong for the new.
        kind = {"signature": found.splits.signature.to_json()}
        _require_same(
            begun, {"data": {"signature": read_environment(begun)["data"]["signature"]}}, {"data": kind}
        )
    splits = _for_network(found, architecture, tree["seed"])
    facts = recipes.DataFacts(splits.signature.target, len(splits.train))
    return Plan(recipes.complete(given, facts, Choice(source, found.options), registry), found, splits)


def _for_network(found: Data, architecture: Registered, seed: int) -> Splits:
    """The examples as they are, or for a generator turned about."""
    entry, kind = architecture.entry, found.splits.signature.target.kind
    assert isinstance(entry, Architecture)
    if kind in entry.predicts or "sample" not in entry.predicts:
        _require_two(found.splits.signature.target)
        return found.splits
    size = found.shared["latent"] or entry.latent_size
    return as_samples(found.splits, latent_size=size, is_conditional=entry.is_conditional, seed=seed)


def _require_two(target: Target) -> None:
    if isinstance(target, Classes) and len(target.labels) == 1:
        raise DataError(
            f"the data has one class folder ({target.labels[0]}); there is nothing to tell apart",
            fix="add a folder for another class, or choose a network that generates pictures",
        )


def wishes(planned: Plan, registry: Registry) -> Wishes:
    """What the data's options, the network and the loss ask of preprocessing.

    Raises:
        UsageError: An option does not fit the data.
    """
    architecture: Any = registry.get("architecture", planned.recipe.model.name).entry
    signature, shared = planned.splits.signature, planned.data.shared
    target = signature.target
    _require_purpose(signature, shared)
    side, fit = architecture.image_size, shared["fit"]
    if isinstance(target, Boxes) and fit == "crop":
        raise UsageError(
            "data.fit=crop would cut objects off; boxes are found in whole pictures", fix="data.fit=stretch"
        )
    is_whole = fit == "stretch" or (fit == "auto" and isinstance(target, Boxes | Mask))
    chosen: Literal["crop", "stretch"] = "stretch" if is_whole else "crop"
    return Wishes(
        geometry=Geometry(
            shared["size"], (side, side) if side else None, chosen, architecture.min_image_size
        ),
        num_frames=shared["frames"] or architecture.num_frames,
        standard=Standard(architecture.image_mean, architecture.image_std)
        if architecture.image_mean
        else None,
        tokenisation=_tokenisation(planned.splits, target, shared),
        link=_link(planned.recipe, registry),
    )


def _require_purpose(signature: Signature, shared: Mapping[str, Any]) -> None:
    """Refuses an option that nothing in the data has a use for: perhaps another one was forgotten."""
    kinds = {spec.kind for spec in signature.inputs}
    is_sample = isinstance(signature.target, Sample)
    defaults = data.shared_defaults()
    for what, is_there, names in (
        ("pictures and clips", is_sample or bool(kinds & {"image", "video"}), ("size", "fit")),
        ("clips", "video" in kinds, ("frames",)),
        ("texts", "text" in kinds, ("tokens", "max_tokens", "min_count", "max_length", "lower_case")),
        ("a generator", is_sample, ("latent",)),
    ):
        for name in names:
            if not is_there and shared[name] != defaults[name]:
                raise UsageError(
                    f"data.{name} is for {what}, and there is no use for it here",
                    fix=f"leave out data.{name}, or look whether the data is read as it should be",
                )


def _tokenisation(splits: Splits, target: Target, shared: Mapping[str, Any]) -> Tokenisation:
    unit = shared["tokens"]
    if unit == "auto":
        unit = "characters" if isinstance(target, Tokens) or _are_names(splits) else "words"
    # A window of a language model is as long as its reader made it.
    longest = None if isinstance(target, Tokens) else _LONGEST[unit]
    return Tokenisation(
        tokens=unit,
        max_tokens=shared["max_tokens"],
        min_count=shared["min_count"],
        max_length=shared["max_length"] or longest,
        lower_case=unit == "words" if shared["lower_case"] is None else shared["lower_case"],
    )


def _are_names(splits: Splits) -> bool:
    """Whether most texts are a single word, or written without spaces."""
    columns = [splits.train.inputs[spec.name] for spec in splits.signature.inputs if spec.kind == "text"]
    texts = [text for column in columns for text in column[:_NUM_LOOKED_AT]]
    return sum(len(str(text).split()) == 1 for text in texts) > len(texts) / 2


def _link(recipe: Recipe, registry: Registry) -> str:
    entry = None if recipe.losses else registry.get("loss", recipe.loss.name).entry
    return entry.link if isinstance(entry, Loss) else "identity"


def _source(given: Any, registry: Registry) -> tuple[str, dict[str, Any]]:
    """Name and options of the data; a path is made absolute, so that the run can be resumed from anywhere."""
    options = dict(given) if isinstance(given, Mapping) else {"name": given}
    source = options.pop("name", None)
    if not source:
        known = first_of(registry.names("dataset"))
        raise UsageError(
            "no data is named", fix=f"--data PATH, or --data with a data set of the zoo: {known}"
        )
    path = Path(str(source)).expanduser()
    is_path = str(source) not in registry.names("dataset") and path.exists()
    return str(path.resolve()) if is_path else str(source), options


def environment(planned: Plan, preprocessing: bytes, registry: Registry) -> Document:
    """What a resumed run must find unchanged, and what a reader wants to know."""
    splits = planned.data.splits
    return {
        "data": {"fingerprint": data.fingerprint(splits), "signature": splits.signature.to_json()},
        "plugins": recipes.plugins_of(planned.recipe, registry),
        "preprocessing": {"sha256": hashlib.sha256(preprocessing).hexdigest()},
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in (CORE, "torch", "onnxruntime")},
        },
    }


def read_environment(run: Run) -> Document:
    """What was recorded when the run began.

    Raises:
        ArtifactError: ``environment.json`` is missing or damaged.
    """
    document = load_json(read_bytes(run.environment_path), name=str(run.environment_path))
    try:
        needed = [document["data"]["fingerprint"], document["preprocessing"]["sha256"]]
        needed += [part for each in document["plugins"] for part in (each["distribution"], each["version"])]
        if not all(isinstance(part, str) for part in needed):
            raise TypeError("text was recorded, and this is not text")
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"{run.environment_path} is damaged: it lacks what training recorded",
            fix="restore it from a copy",
        ) from error
    return document  # type: ignore[no-any-return]


def load_preprocessing(run: Run) -> Preprocessing:
    """The run's fitted preprocessing.

    Raises:
        ArtifactError: It is missing or damaged.
    """
    content = read_bytes(run.preprocessing_path)
    if hashlib.sha256(content).hexdigest() != read_environment(run)["preprocessing"]["sha256"]:
        raise ArtifactError(
            f"{run.preprocessing_path} is damaged: it differs from its SHA-256", fix="restore it from a copy"
        )
    return Preprocessing.from_bytes(content)


def require_plugins(run: Run, registry: Registry) -> None:
    """Refuses a run whose plugins are not all installed.

    Raises:
        PluginError: Names the distribution and version to install.
    """
    registry.require(read_environment(run)["plugins"], str(run.path))


def require_plugins_of(recipe: Path, registry: Registry) -> None:
    """The same for the run that a recipe was written by; a recipe on its own names no plugins.

    Raises:
        PluginError: Names the distribution and version to install.
    """
    run = Run(recipe.parent)
    if run.environment_path.is_file():
        require_plugins(run, registry)


def require_unchanged(run: Run, planned: Plan, registry: Registry) -> None:
    """Refuses a run whose data or plugins are no longer what it was trained with.

    Raises:
        UsageError: Shows each difference.
    """
    recorded = read_environment(run)
    current = environment(planned, b"", registry)
    before, after = ({key: each[key] for key in ("data", "plugins")} for each in (recorded, current))
    _require_same(run, before, after)


def _require_same(run: Run, before: Document, after: Document) -> None:
    changed = recipes.differences(before, load_json(dump_json(after), name="environment"))
    if changed:
        raise UsageError(
            f"what {run.path} was trained with has changed: " + "; ".join(changed.values()),
            fix="restore the data or reinstall those versions, or train a new run",
        )
