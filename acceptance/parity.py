"""A second opinion on an exported file: bare ONNX Runtime against PyTorch, on the whole test split.

Nothing of the certificate is used. The file is opened by ONNX Runtime as anyone would, and given raw
examples; PyTorch's scores become answers by a softmax, a sigmoid, or the mean and deviation of the training
targets, computed here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from acceptance.bare import answer
from zoo.contracts.examples import Examples, Splits
from zoo.contracts.targets import Target
from zoo.registry import Registry
from zoo.runs import Run
from zoo.training import trained
from zoo.training.encoded import EncodedSplit

Array = npt.NDArray[Any]
_BATCH_SIZE = 200


@dataclass(frozen=True)
class Parity:
    """Answers of one run's test split, both ways.

    Attributes:
        splits: The raw data.
        torch: Probabilities or values of PyTorch in float32, as float64 ``[examples, ...]``.
        onnx: Those of the file.
        labels: Label strings that the file answers, where it answers any.
    """

    splits: Splits
    target: Target
    torch: Array
    onnx: Array
    labels: Array | None

    @property
    def test(self) -> Examples:
        """The examples that were answered."""
        assert self.splits.test is not None
        return self.splits.test

    @property
    def max_abs_difference(self) -> float:
        """Largest distance between the two."""
        return float(np.abs(self.torch - self.onnx).max())

    def figure(self, answers: Array) -> float:
        """Accuracy (for labels the mean over them), or root mean squared error, by its definition."""
        truth = self.test.target
        if self.target.kind == "values":
            return rmse(answers, truth)
        return float((decisions(self.target, answers) == truth).mean())

    def baseline(self) -> float:
        """The same figure of the best constant answer that the training split gives."""
        train, test = self.splits.train.target, self.test.target
        if self.target.kind == "values":
            return rmse(train.mean(axis=0), test)
        if self.target.kind == "labels":
            return float((test == (train.mean(axis=0) >= 0.5)).mean())
        labels, counts = np.unique(train.astype(str), return_counts=True)
        return float((test == labels[counts.argmax()]).mean())


def rmse(answers: Array, truth: Array) -> float:
    """Root of the mean squared error, sqrt(mean((answers - truth)^2))."""
    return float(np.sqrt(np.mean((answers - truth) ** 2)))


def decisions(target: Target, probabilities: Array) -> Array:
    """What the probabilities amount to."""
    if target.kind == "labels":
        return probabilities >= 0.5
    labels: Any = np.asarray(target.labels, dtype=object)  # type: ignore[attr-defined]
    if target.kind == "binary":
        return np.asarray(labels[(probabilities >= 0.5).astype(int)])
    return np.asarray(labels[probabilities.argmax(axis=1)])


def compare(run: Path, model: Path) -> Parity:
    """Answers the run's whole test split with the file and with PyTorch."""
    opened = trained.load(Run(run), Registry.discover())
    splits, target = opened.splits, opened.network.preprocessing.raw.target
    assert splits.test is not None
    answers = answer(model, splits.test.inputs)
    return Parity(
        splits,
        target,
        _torch_answers(opened, splits),
        answers[target.judged_by].astype(np.float64),
        answers.get("label"),
    )


def _torch_answers(opened: trained.Trained, splits: Splits) -> Array:
    assert splits.test is not None
    network, target = opened.network, opened.network.preprocessing.raw.target
    split = EncodedSplit(network.preprocessing, splits.test, torch.device("cpu"))
    with torch.no_grad():
        parts = [
            network.module(*split.batch(indices).inputs)
            for indices in torch.split(torch.arange(len(split)), _BATCH_SIZE)
        ]
    scores = torch.cat(parts)
    if target.kind == "values":
        truth = splits.train.target
        return np.asarray(scores.double().numpy() * truth.std(axis=0) + truth.mean(axis=0))
    probabilities = torch.softmax(scores, dim=1) if target.kind == "classes" else torch.sigmoid(scores)
    return np.asarray(probabilities.double().numpy())
