"""Reopens a run: its recipe, its best network, its data."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from zoo import recipes, runs
from zoo.contracts.examples import Splits
from zoo.contracts.recipe import Choice, Recipe
from zoo.contracts.restoring import restoring
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Labels, Target
from zoo.errors import ArtifactError
from zoo.files import read_bytes
from zoo.preprocessing import Preprocessing
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import checkpoints, planning, setup
from zoo.training.belonging import belonging
from zoo.training.checkpoints import Checkpoint
from zoo.training.evaluation import Judge
from zoo.training.planning import Document
from zoo.training.state import position_of, weights_of
from zoo.words import NONE, parse


@dataclass(frozen=True)
class Network:
    """The network that a run answers with.

    Attributes:
        recipe: The run's complete recipe.
        module: The exported player at the best checkpoint, on the CPU, in eval mode.
        preprocessing: Raw examples to what it sees, and the signatures.
        step: Step of the checkpoint.
    """

    recipe: Recipe
    module: torch.nn.Module
    preprocessing: Preprocessing
    step: int

    @property
    def signature(self) -> Signature:
        """What it takes and emits."""
        return self.preprocessing.encoded


@dataclass(frozen=True)
class Trained:
    """A run with its data.

    Attributes:
        run: The folder.
        network: What it answers with.
        splits: The raw data, split as it was for training.
        plugins: Distribution and version of every plugin that the recipe uses.
        judge: How the network is judged.
    """

    run: Run
    network: Network
    splits: Splits
    plugins: list[dict[str, str]]
    judge: Judge


def load(run: Run, registry: Registry) -> Trained:
    """Opens a run at its best checkpoint, with its data.

    Raises:
        ArtifactError: The run has no whole checkpoint, or its best one is damaged.
        UsageError: Data or plugins changed since training.
    """
    network = load_network(run, registry)
    planned = planning.plan(read_recipe(run), registry, begun=run)
    planning.require_unchanged(run, planned, registry)
    judge = setup.build_judge(planned.recipe, network.preprocessing, registry, torch.device("cpu"))
    return Trained(run, network, planned.splits, recipes.plugins_of(planned.recipe, registry), judge)


def load_network(run: Run | Path | str, registry: Registry | None = None) -> Network:
    """Opens a run's best network without touching its data.

    Args:
        run: The run, or its folder.
        registry: Where its entries are looked up; the installed plugins by default.

    Raises:
        ArtifactError: As for ``load``.
        PluginError: A plugin that it needs is not installed.
    """
    run = run if isinstance(run, Run) else runs.find(run)
    registry = registry or Registry.discover()
    planning.require_plugins(run, registry)
    preprocessing = planning.load_preprocessing(run)
    recipe = _recipe(run, preprocessing, registry)
    checkpoint = best_checkpoint(run)
    player = setup.find_architecture(recipe, registry).exports
    with restoring():
        module = setup.build_networks(recipe, preprocessing.encoded, registry)[player]
    with belonging(run.checkpoints_path):
        module.load_state_dict(weights_of(checkpoint, player))
    target = with_thresholds(preprocessing.encoded.target, checkpoint)
    preprocessing = replace(
        preprocessing,
        raw=replace(preprocessing.raw, target=target),
        encoded=replace(preprocessing.encoded, target=target),
    )
    return Network(recipe, module.eval(), preprocessing, checkpoint.step)


def load_models(run: Run, network: Network, registry: Registry) -> dict[str, torch.nn.Module]:
    """Every player of a run at its best checkpoint, those that its objective brings included.

    Raises:
        ZooError: As for ``load``, or what an objective brings cannot be found.
    """
    checkpoint = best_checkpoint(run)
    with restoring():
        models = setup.build_networks(network.recipe, network.preprocessing.encoded, registry)
        models |= setup.build_further_players(network.recipe, network.preprocessing.encoded, registry)
    for name, module in models.items():
        with belonging(run.checkpoints_path):
            module.load_state_dict(weights_of(checkpoint, name))
        module.eval()
    return models


def with_thresholds(target: Target, checkpoint: Checkpoint) -> Target:
    """A target of labels with the thresholds that were tuned when the checkpoint was judged."""
    if not isinstance(target, Labels):
        return target
    return replace(target, thresholds=tuple(position_of(checkpoint).thresholds))


def _recipe(run: Run, preprocessing: Preprocessing, registry: Registry) -> Recipe:
    document = read_recipe(run)
    if not isinstance(document["data"], dict) or "name" not in document["data"]:
        raise ArtifactError(
            f"{run.recipe_path} is damaged: its data is no table with a name", fix="restore it from a copy"
        )
    source = {key: None if value == NONE else value for key, value in document["data"].items()}
    facts = recipes.DataFacts(preprocessing.encoded.target, num_train=1)
    return recipes.complete(document, facts, Choice(str(source.pop("name")), source), registry)


def best_checkpoint(run: Run) -> Checkpoint:
    """The checkpoint that validated best.

    Raises:
        ArtifactError: There is none, or it is damaged.
    """
    with belonging(run.checkpoints_path):
        newest, warnings = checkpoints.load_newest(run.checkpoints_path)
        best = None if newest is None else position_of(newest).best_step
    if warnings:
        # An older one would answer differently, and only the damaged one may know which was best.
        raise ArtifactError(warnings[0], fix=f"zoo resume {run.path} trains again from the one before it")
    if newest is None:
        raise ArtifactError(f"run {run.path} has no checkpoint yet", fix=f"zoo resume {run.path}")
    if best is None or best == newest.step:
        return newest
    with belonging(run.checkpoints_path):
        return checkpoints.load(run.checkpoints_path, best)


def read_recipe(run: Run) -> Document:
    """The recipe of a run, as plain data.

    Raises:
        ArtifactError: ``recipe.toml`` is damaged.
    """
    try:
        recipe = parse(read_bytes(run.recipe_path).decode())
        if not {"model", "data"} <= recipe.keys():
            raise ValueError("it names no model or no data")
        return recipe
    except ValueError as error:
        raise ArtifactError(f"{run.recipe_path} is damaged: {error}", fix="restore it from a copy") from error
