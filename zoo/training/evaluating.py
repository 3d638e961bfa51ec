"""Judges a run, or an exported model, on data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo import data, runtime
from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.errors import UsageError
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import metrics, setup
from zoo.training.encoded import EncodedSplit
from zoo.training.trained import load, load_models, load_network

_SAID = {
    "tokens": "answers with the token after a text, and perplexity is that of every token in it",
    "sample": "answers with pictures of its own, which no truth belongs to",
}


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, over this many examples."""

    metrics: Mapping[str, float]
    num_examples: int


def evaluate_run(run: Run, source: Mapping[str, Any] | None, registry: Registry) -> Evaluation:
    """A run's network on its own test split, or on every row of a source.

    Raises:
        ZooError: The run is damaged, or the data does not fit.
    """
    if source is None:
        trained = load(run, registry)
        network, examples = trained.network, trained.splits.test
        assert examples is not None
    else:
        network = load_network(run, registry)
        options = {"name": network.recipe.data.name, **network.recipe.data.options}
        examples = _read(source, options, network.preprocessing.raw, registry)
    device = torch.device("cpu")
    judge = setup.build_judge(network.recipe, network.preprocessing, registry, device)
    split = EncodedSplit(network.preprocessing, examples, device)
    models = load_models(run, network, registry)
    return Evaluation(judge.judge(models, split).metrics, len(examples))


def evaluate_model(model: Path, source: Mapping[str, Any] | None, registry: Registry) -> Evaluation:
    """An exported file's answers on every row of a source.

    Raises:
        UsageError: No source was given.
        PluginError: A metric it was trained with is of a plugin that is not installed.
        ZooError: The file is damaged, or the data does not fit.
    """
    if source is None:
        raise UsageError("an exported model is judged on data of your choice", fix="add --data DATA")
    predictor = runtime.load(model)
    if predictor.signature.target.kind in ("tokens", "sample"):
        raise UsageError(
            f"{model.name} {_SAID[predictor.signature.target.kind]}",
            fix="judge the run that it was exported from: zoo evaluate RUN",
        )
    recipe: Any = predictor.certificate.recipe
    examples = _read(source, recipe["data"], predictor.signature, registry)
    answers = predictor.answer(examples.inputs)
    names = list(recipe["metrics"])
    if not all(registry.has("metric", name.rpartition(".")[2]) for name in names):
        registry.require(predictor.certificate.plugins, model.name)
    values = metrics.compute(registry, names, predictor.signature.target, answers, examples.target)
    return Evaluation(values, len(examples))


def _read(
    source: Mapping[str, Any], trained_with: Mapping[str, Any], signature: Signature, registry: Registry
) -> Examples:
    """Every row of a source, read as the training data was unless the user says otherwise."""
    given = dict(source)
    name = str(given.pop("name", None) or trained_with["name"])
    known = {option.name for option in data.options_of(name, registry)}
    inherited = {key: value for key, value in trained_with.items() if key in known}
    return data.load_like(name, {**inherited, **given}, signature, registry)
