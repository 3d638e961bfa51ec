"""Trained networks without a training: small ones with random weights, real data flow around them."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onnx import ModelProto
from torch import nn

from zoo import postprocessing
from zoo.contracts.examples import Examples, Splits
from zoo.contracts.recipe import Choice, Recipe, Settings
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Labels, Values
from zoo.contracts.tensors import TensorSpec
from zoo.exporting import pipeline
from zoo.exporting.assemble import assemble
from zoo.exporting.network import export_network
from zoo.postprocessing import Answers
from zoo.preprocessing import Geometry, Wishes, fit
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training.evaluation import Judge
from zoo.training.trained import Network, Trained

NUM = 40


class Convolutional(nn.Module):
    """Every layer that a mutant breaks: convolution, batch norm, activation, a square layer, dropout."""

    def __init__(self, channels: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.square = nn.Linear(16, 16)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(16, shape[0] if shape else 1)
        self.shape = shape

    def forward(self, image):
        pooled = nn.functional.avg_pool2d(self.features(image), 4).flatten(1)
        return self.head(self.dropout(torch.relu(self.square(pooled)))).reshape(-1, *self.shape)


class Tabular(nn.Module):
    def __init__(self, encoded: Signature) -> None:
        super().__init__()
        numbers, island = encoded.inputs
        self.hidden = nn.Linear(numbers.shape[0], 8)
        self.embedding = nn.Embedding(island.num_values, 8)
        self.shape = encoded.outputs[0].shape
        self.head = nn.Linear(8, self.shape[0] if self.shape else 1)

    def forward(self, numbers, island):
        return self.head(torch.relu(self.hidden(numbers)) + self.embedding(island)).reshape(-1, *self.shape)


def _pictures(rng, ragged):
    sizes = [(8 + (3 * n) % 7, 8 + (5 * n) % 11) if ragged else (8, 8) for n in range(NUM)]
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    return pictures if ragged else np.stack(pictures)


def _columns(rng):
    ages = rng.normal(40, 12, NUM)
    return {
        "age": ages,
        "mass": rng.normal(4000, 800, NUM),
        "island": rng.choice(np.array(["Biscoe", "Dream", "Torgersen"], object), NUM),
    }


IMAGE = (TensorSpec("image", "image", "uint8", (None, None, 3)),)
TABLE = (
    TensorSpec("age", "number", "float64", ()),
    TensorSpec("mass", "number", "float64", ()),
    TensorSpec("island", "category", "string", ()),
)
CLASSES, BINARY = Classes(("cat", "dog", "emu")), Binary(("no", "yes"))
LABELS, VALUES = Labels(("wet", "cold")), Values(("price", "year"))


def _truth(target, rng):
    if target.kind == "labels":
        return rng.integers(0, 2, (NUM, 2)).astype(bool)
    if target.kind == "values":
        return np.column_stack([rng.normal(2e5, 5e4, NUM), rng.normal(2010, 4, NUM)])
    return np.array([target.labels[n % len(target.labels)] for n in range(NUM)], object)


def _examples(inputs, target, rng, name):
    return Examples(inputs, _truth(target, rng), [f"{name}.csv:{n}" for n in range(NUM)])


def _trained(signature, train, test, accepts, build, size, run):
    preprocessing = fit(signature, train, accepts, Wishes(Geometry(size)))
    torch.manual_seed(0)
    module = build(preprocessing.encoded).eval()
    recipe = Recipe(
        model=Choice("net"),
        data=Choice(str(Path.cwd() / "photos"), {"missing": ["", "NA"]}),
        objective=Choice("supervised"),
        loss=Choice(signature.target.default_loss),
        optimizers={"model": Choice("sgd")},
        schedules={"model": Choice("constant")},
        settings=Settings(metrics=signature.target.default_metrics),
    )
    answers = Answers(postprocessing.build(preprocessing))
    judge = Judge(Registry.discover(), recipe, "model", signature.target, answers, None, torch.device("cpu"))
    network = Network(recipe, module, preprocessing, step=1)
    plugins = [{"distribution": "zoo-net", "version": "1.0"}]
    return Trained(run, network, Splits(signature, train, test=test), plugins, judge)


def image_network(run, target=CLASSES, *, ragged=True, test=None):
    rng = np.random.default_rng(1)
    train = _examples({"image": _pictures(rng, ragged)}, target, rng, "train")
    test = _examples({"image": _pictures(rng, ragged) if test is None else test}, target, rng, "test")

    def build(encoded):
        module = Convolutional(3, encoded.outputs[0].shape)
        module.train()(torch.randn(64, 3, 8, 8))
        return module

    return _trained(Signature(IMAGE, target), train, test, ("image",), build, (8, 8), run)


def table_network(run, target=VALUES, *, test=None):
    rng = np.random.default_rng(2)
    columns = _columns(rng)
    columns["age"][::5] = np.nan
    train = _examples(columns, target, rng, "train")
    test = _examples(_columns(rng) if test is None else test, target, rng, "test")
    return _trained(Signature(TABLE, target), train, test, ("table",), Tabular, None, run)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """The networks are so small that threads only wait for each other."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return Run(tmp_path / "run")


@pytest.fixture
def networks(run):
    """The trained networks above, by what they take and what they predict."""
    return SimpleNamespace(
        image=lambda *args, **kwargs: image_network(run, *args, **kwargs),
        table=lambda *args, **kwargs: table_network(run, *args, **kwargs),
        CLASSES=CLASSES,
        BINARY=BINARY,
        LABELS=LABELS,
        VALUES=VALUES,
    )


@pytest.fixture(scope="session")
def traced():
    """Networks as ``torch.onnx`` exports them, each once a session."""
    graphs: dict[bytes, ModelProto] = {}

    def trace(module, encoded):
        digest = hashlib.sha256(repr((module, encoded)).encode())
        for name, tensor in module.state_dict().items():
            digest.update(name.encode() + tensor.numpy().tobytes())
        key = digest.digest()
        if key not in graphs:
            graphs[key] = export_network(module, encoded)
        return graphs[key]

    return trace


@pytest.fixture
def export(run, monkeypatch, traced):
    """Exports a trained network; `mutate` breaks the assembled model, `module` stands in for the network."""

    def export(trained, output=None, *, mutate=None, module=None):
        network = trained.network
        graph = traced(module or network.module, network.preprocessing.encoded)
        monkeypatch.setattr(pipeline, "load", lambda run, registry: trained)
        monkeypatch.setattr(pipeline, "trace", lambda run: graph)
        if mutate:
            monkeypatch.setattr(pipeline, "assemble", lambda *parts: mutate(assemble(*parts)))
        return pipeline.export(run, output, registry=Registry())

    return export
