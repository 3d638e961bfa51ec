"""The complete recipe and the data it speaks of, before anything is built; and what both depend on."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import data, recipes
from zoo.contracts.recipe import Choice, Recipe
from zoo.contracts.signature import Splits
from zoo.data import Data
from zoo.errors import UsageError
from zoo.files import dump_json, load_json, read_bytes
from zoo.registry import CORE, Registry
from zoo.runs import Run

Document = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A complete recipe and its data."""

    recipe: Recipe
    data: Data


def plan(given: Mapping[str, Any], registry: Registry) -> Plan:
    """Loads the data that the recipe names and fills every default from what it is.

    Raises:
        UsageError: A key, name or value does not exist or does not fit.
        DataError: The data cannot be read or learned from.
    """
    recipes.check_keys(given)
    architecture = recipes.find_architecture(given, registry)
    tree = recipes.merge({"seed": 0}, recipes.suggested(architecture), given)
    source, options = _source(tree.get("data"), registry)
    found = data.load(source, options, seed=recipes.check_seed(tree["seed"]), registry=registry)
    facts = recipes.DataFacts(found.splits.signature.target, len(found.splits.train))
    return Plan(recipes.complete(given, facts, Choice(source, found.options), registry), found)


def _source(given: Any, registry: Registry) -> tuple[str, dict[str, Any]]:
    """Name and options of the data; a path is made absolute, so that the run can be resumed from anywhere."""
    options = dict(given) if isinstance(given, Mapping) else {"name": given}
    source = options.pop("name", None)
    if not source:
        known = ", ".join(registry.names("dataset"))
        raise UsageError(
            "no data is named", fix=f"--data PATH, or --data with a data set of the zoo: {known}"
        )
    path = Path(str(source)).expanduser()
    is_path = str(source) not in registry.names("dataset") and path.exists()
    return str(path.resolve()) if is_path else str(source), options


def environment(recipe: Recipe, splits: Splits, registry: Registry) -> Document:
    """What a resumed run must find unchanged, and what a reader wants to know."""
    return {
        "data": {"fingerprint": data.fingerprint(splits), "signature": splits.signature.to_json()},
        "plugins": recipes.plugins_of(recipe, registry),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in (CORE, "torch", "onnxruntime")},
        },
    }


def require_same_environment(run: Run, now: Document) -> None:
    """Refuses a run whose data or plugins are no longer what it was trained with.

    Raises:
        UsageError: Shows each difference.
    """
    recorded = load_json(read_bytes(run.environment_path), name=str(run.environment_path))
    current = load_json(dump_json(now), name="environment")
    changed = recipes.differences(*({key: each[key] for key in ("data", "plugins")} for each in (recorded, current)))
    if changed:
        raise UsageError(
            f"what {run.path} was trained with has changed: " + "; ".join(changed.values()),
            fix="restore the data or reinstall those versions, or train a new run",
        )
