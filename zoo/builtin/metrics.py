"""Metrics, computed by torchmetrics from answers and truth.

A class that occurs neither in the answers nor in the truth is left out of a mean over classes.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MultilabelAccuracy,
    MultilabelF1Score,
)
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.metric import CompositionalMetric
from torchmetrics.utilities import dim_zero_cat

from zoo.plugin import Binary, Classes, Forecast, Labels, Mask, Tokens, Values

_NOT_KNOWN = -1
"""Truth of a label that is not known; it is left out."""


def accuracy(target: Classes | Binary | Labels | Mask) -> Metric:
    """Share of right answers; for labels the mean of the labels' shares, for a mask the share of right pixels."""
    if isinstance(target, Classes | Mask):
        # That labels exist is known of a mask; to look at each pixel for it would take the longest.
        return MulticlassAccuracy(
            len(target.labels), average="micro", validate_args=isinstance(target, Classes)
        )
    if isinstance(target, Binary):
        return BinaryAccuracy()
    return MultilabelAccuracy(len(target.labels), average="macro", ignore_index=_NOT_KNOWN)


def f1(target: Binary | Labels) -> Metric:
    """2 TP / (2 TP + FP + FN) of the second label, or of each of several labels."""
    if isinstance(target, Binary):
        return BinaryF1Score()
    return MultilabelF1Score(len(target.labels), average="none", ignore_index=_NOT_KNOWN)


def micro_f1(target: Classes | Labels) -> Metric:
    """F1 with all labels' decisions counted together; for classes it equals accuracy."""
    return _f1(target, "micro")


def macro_f1(target: Classes | Labels) -> Metric:
    """Mean of the F1 of each label, rare ones counting as much as frequent ones."""
    return _f1(target, "macro")


def auroc(target: Classes | Binary | Labels) -> Metric:
    """Area under the receiver operating characteristic; the mean over labels or classes (against the rest).

    A label that all examples have, or none, is left out; not a number where that leaves nothing.
    """
    return WholeSplit(_mean_auroc)


def iou(target: Mask) -> Metric:
    """Pixels that both have over pixels that either has, of each label; not a number where none has any."""
    return Overlap(len(target.labels), validate_args=False)


def mean_iou(target: Mask) -> Metric:
    """Mean over the labels that occur of intersection over union: TP / (TP + FP + FN), over all pixels at once."""
    return CompositionalMetric(torch.nanmean, iou(target), None)


class Overlap(MulticlassConfusionMatrix):
    """Intersection over union of each label, from the counts of all pictures together."""

    full_state_update = False

    def compute(self) -> Tensor:
        """Float64 ``[labels]``, not a number for a label that neither answers nor truth have."""
        counts = super().compute().double()
        right = counts.diagonal()
        return right / (counts.sum(0) + counts.sum(1) - right)


def rmse(target: Values | Forecast) -> Metric:
    """Root mean squared error, in the value's unit; the mean over values, or channels of a forecast."""
    error = MeanSquaredError(squared=False, num_outputs=len(target.names)).set_dtype(torch.float64)
    return CompositionalMetric(torch.mean, error, None)


def mae(target: Values | Forecast) -> Metric:
    """Mean absolute error, in the value's unit; the mean over values."""
    return MeanAbsoluteError().set_dtype(torch.float64)


def r2(target: Values) -> Metric:
    """Share of the variance that is explained: 1 - residual / total sum of squares; the mean over values.

    A value that never varies counts 1 if it is predicted exactly and 0 if not.
    """
    return WholeSplit(_mean_r2)


def perplexity(target: Tokens) -> Metric:
    """Exp of the mean negative log-likelihood of the tokens that follow: how many choices were as hard."""
    return Perplexity()


class Perplexity(Metric):
    """Perplexity from the log-likelihood of each token that follows, NaN where none does."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, log_likelihoods: Tensor, truth: object) -> None:
        """Adds a batch ``[batch, length]``; the truth is in the log-likelihoods."""
        self.total += log_likelihoods.nansum()
        self.count += (~log_likelihoods.isnan()).sum()

    def compute(self) -> Tensor:
        """The figure of everything added so far."""
        return torch.exp(-self.total / self.count)


class WholeSplit(Metric):
    """A figure that is computed once from all answers and all truth, ``[examples, columns]``.

    Args:
        figure: Takes answers and truth, both in double precision, and returns one number.
    """

    full_state_update = False
    answers: list[Tensor]
    truth: list[Tensor]

    def __init__(self, figure: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self._figure = figure
        self.add_state("answers", default=[], dist_reduce_fx="cat")
        self.add_state("truth", default=[], dist_reduce_fx="cat")

    def update(self, answers: Tensor, truth: Tensor) -> None:
        """Adds a batch."""
        self.answers.append(answers)
        self.truth.append(truth)

    def compute(self) -> Tensor:
        """The figure of everything added so far."""
        return self._figure(dim_zero_cat(self.answers).double(), dim_zero_cat(self.truth).double())


def _f1(target: Classes | Labels, average: Literal["micro", "macro"]) -> Metric:
    num_labels = len(target.labels)
    if isinstance(target, Classes):
        return MulticlassF1Score(num_labels, average=average)
    return MultilabelF1Score(num_labels, average=average, ignore_index=_NOT_KNOWN)


def _mean_auroc(scores: Tensor, truth: Tensor) -> Tensor:
    columns = scores.reshape(len(scores), -1)
    if truth.shape == scores.shape:
        positives = truth.reshape(columns.shape).long()
    else:
        positives = torch.nn.functional.one_hot(truth.long(), columns.shape[1])
    areas = [
        binary_auroc(column[positive != _NOT_KNOWN], positive[positive != _NOT_KNOWN])
        for column, positive in zip(columns.T, positives.T, strict=True)
        if (positive == 0).any() and (positive == 1).any()
    ]
    return torch.stack(areas).mean() if areas else torch.tensor(torch.nan)


def _mean_r2(answers: Tensor, truth: Tensor) -> Tensor:
    residual = (truth - answers).square().sum(0)
    total = (truth - truth.mean(0)).square().sum(0)
    constant = (residual == 0).double()
    return torch.where(total > 0, 1 - residual / total, constant).mean()
