"""Losses: unreduced values from a network's scores, computed from logits so that they stay finite.

Shapes: for classes, scores are logits ``[batch, classes]`` and targets indices ``[batch]``; for binary
both are ``[batch]``; for labels both are ``[batch, labels]`` and values are summed over the labels of an
example, so that a cost is averaged over examples; a label that is not known (NaN) adds nothing. For values
both are ``[batch, values]`` and so is the result, for a forecast ``[batch, horizon, channels]``; for a mask,
scores are ``[batch, labels, height, width]`` and targets indices ``[batch, height, width]``. Minimising the mean of a negative log-likelihood is maximum-likelihood estimation.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.errors import UsageError
from zoo.plugin import Ge, Gt, Lt


@dataclass(kw_only=True)
class CrossEntropy:
    """Cross-entropy: -log softmax(z)[y], the negative log-likelihood of a categorical distribution.

    With label smoothing e the target is (1 - e) · one-hot(y) + e / classes (arXiv:1512.00567, section 7).
    With class weights w the cost is the weighted mean: the sum of w[y] · value over the sum of w[y].
    Of a mask every pixel is an example of its own; one that is not known is left out.

    Args:
        label_smoothing: Share of the target's probability spread evenly over all classes.
        class_weights: One weight a class, in the order of the labels.
    """

    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    class_weights: tuple[Annotated[float, Ge(0)], ...] | None = None

    def __post_init__(self) -> None:
        self._weights = _as_tensor(self.class_weights)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Values ``[batch]``, of pixels ``[batch, height, width]``; weights where there are class weights.

        A pixel whose label is not known (-100) has a value and a weight of 0.
        """
        values = F.cross_entropy(prediction, target, reduction="none", label_smoothing=self.label_smoothing)
        are_pixels = target.ndim > 1
        if self._weights is None:
            return (values, (target >= 0).to(values.dtype)) if are_pixels else values
        self._weights = _matched(self._weights, prediction.shape[1], prediction, "class_weights")
        if are_pixels:
            return values, self._weights[target.clamp(min=0)] * (target >= 0)
        return values, self._weights[target]


@dataclass(kw_only=True)
class BinaryCrossEntropy:
    """Binary cross-entropy: -p y log s(z) - (1 - y) log(1 - s(z)), the Bernoulli negative log-likelihood.

    s is the logistic function and p the weight of positives, 1 by default; for several labels the values
    are those of independent Bernoulli distributions, summed over the labels.

    Args:
        positive_weights: One weight a label for its positive examples (a single one for a binary target).
    """

    positive_weights: tuple[Annotated[float, Gt(0)], ...] | None = None

    def __post_init__(self) -> None:
        self._weights = _as_tensor(self.positive_weights)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch]``."""
        if self._weights is not None:
            num_labels = prediction[0].numel()
            self._weights = _matched(self._weights, num_labels, prediction, "positive_weights")
        truth, is_known = _known(target)
        values = F.binary_cross_entropy_with_logits(
            prediction, truth, pos_weight=self._weights, reduction="none"
        )
        return _summed_over_labels(values * is_known)


@dataclass(kw_only=True)
class MeanSquaredError:
    """Squared error: (p - y)², up to constants a Gaussian's negative log-likelihood at fixed variance."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch, values]``."""
        return F.mse_loss(prediction, target, reduction="none")


@dataclass(kw_only=True)
class MeanAbsoluteError:
    """Absolute error: abs(p - y), up to constants the negative log-likelihood of a Laplace distribution."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch, values]``."""
        return F.l1_loss(prediction, target, reduction="none")


@dataclass(kw_only=True)
class Huber:
    """Huber's loss: r² / 2 where abs(r) <= delta, else delta (abs(r) - delta / 2), with r = p - y.

    Up to constants the negative log-likelihood of Huber's least favourable distribution: Gaussian in the
    middle, Laplace in the tails (Huber 1964, doi:10.1214/aoms/1177703732).

    Args:
        delta: Residual from which the loss grows linearly, in standard deviations of the target.
    """

    delta: Annotated[float, Gt(0)] = 1.0

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch, values]``."""
        return F.huber_loss(prediction, target, reduction="none", delta=self.delta)


@dataclass(kw_only=True)
class Focal:
    """Focal loss: -a (1 - q)^gamma log q, q being the truth's probability (arXiv:1708.02002, eq. 5).

    a is alpha for positives and 1 - alpha for negatives, or 1 without alpha. It is a cross-entropy that
    makes little of easy examples, not a negative log-likelihood: its probabilities are less extreme.

    Args:
        gamma: How much easy examples are discounted; 0 gives cross-entropy.
        alpha: Weight of positives for binary and labels (0.25 in the paper's detector); none weighs alike.
    """

    gamma: Annotated[float, Ge(0)] = 2.0
    alpha: Annotated[float, Gt(0), Lt(1)] | None = None

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch]``.

        Raises:
            UsageError: ``alpha`` is given for classes, which have no positives.
        """
        if not target.is_floating_point():
            return self._of_classes(prediction, target)
        truth, is_known = _known(target)
        positive, negative = (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)
        values = positive * truth * self._of_margin(prediction)
        values = values + negative * (1 - truth) * self._of_margin(-prediction)
        return _summed_over_labels(values * is_known)

    def _of_classes(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.alpha is not None:
            raise UsageError(
                "option 'alpha' of the focal loss weighs positives against negatives; "
                "a target of classes has neither",
                fix="leave alpha out, or use loss=cross-entropy with loss.class_weights",
            )
        truth, others = _truth_and_others(logits, target)
        return self._of_margin(truth - others.logsumexp(1))

    def _of_margin(self, margin: Tensor) -> Tensor:
        """The loss where q = s(margin); through log(1 - q) the gradient exists at q = 1 for every gamma."""
        return -torch.exp(self.gamma * F.logsigmoid(-margin)) * F.logsigmoid(margin)


@dataclass(kw_only=True)
class Hinge:
    """Hinge loss: max(0, margin - (z[y] - max of the other logits)), after Crammer and Singer (2001).

    A binary logit z and each of several labels have max(0, margin - t z) with t = 1 or -1 (Cortes and
    Vapnik 1995). It is the negative log-likelihood of no distribution: probabilities are not calibrated.

    Args:
        margin: Lead in logits from which an answer costs nothing.
    """

    margin: Annotated[float, Gt(0)] = 1.0

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch]``."""
        if target.is_floating_point():
            truth, is_known = _known(target)
            return _summed_over_labels(F.relu(self.margin - (2 * truth - 1) * prediction) * is_known)
        truth, others = _truth_and_others(prediction, target)
        return F.relu(self.margin - (truth - others.amax(1)))


@dataclass(kw_only=True)
class PoissonNLL:
    """Poisson loss: exp(z) - y z, the negative log-likelihood of a Poisson distribution without log(y!).

    z is the logarithm of the rate. Dividing counts by a constant (their mean, say) divides the loss by it
    and shifts z, so the best rate is the same. A negative target is impossible and costs infinity.
    """

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch, values]``."""
        values = F.poisson_nll_loss(prediction, target, log_input=True, full=False, reduction="none")
        return values.masked_fill(target < 0, math.inf)


@dataclass(kw_only=True)
class GaussianNLL:
    """Gaussian loss: ((p - y)² / v + log(2 pi v)) / 2, a Gaussian's negative log-likelihood with variance v.

    Its gradient is that of the squared error over 2 v; unlike that one it is in nats and comparable
    between losses.

    Args:
        variance: Variance of the noise, as a share of the target's own variance.
    """

    variance: Annotated[float, Gt(0)] = 1.0

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch, values]``."""
        return ((prediction - target).square() / self.variance + math.log(2 * math.pi * self.variance)) / 2


@dataclass(kw_only=True)
class KullbackLeibler:
    """Kullback-Leibler divergence: the sum of q log(q / p), cross-entropy less the entropy of the target q.

    p is softmax(z) for classes and Bernoulli(s(z)) for binary and each of several labels. It is the
    negative log-likelihood up to a constant, and 0 where p equals q. Targets of binary and labels may be
    probabilities instead of 0 and 1.

    Args:
        label_smoothing: Share of the target's probability spread evenly over all classes, or over yes and no.
    """

    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Values ``[batch]``."""
        if not target.is_floating_point():
            return self._of_classes(prediction, F.one_hot(target, prediction.shape[1]).to(prediction.dtype))
        truth, is_known = _known(target)
        return _summed_over_labels(self._of_bernoulli(prediction, truth) * is_known)

    def _of_classes(self, logits: Tensor, target: Tensor) -> Tensor:
        smooth = torch.lerp(target, torch.full_like(target, 1 / target.shape[1]), self.label_smoothing)
        return F.kl_div(F.log_softmax(logits, dim=1), smooth, reduction="none").sum(1)

    def _of_bernoulli(self, logits: Tensor, target: Tensor) -> Tensor:
        smooth = torch.lerp(target, torch.full_like(target, 0.5), self.label_smoothing)
        yes = F.kl_div(F.logsigmoid(logits), smooth, reduction="none")
        return yes + F.kl_div(F.logsigmoid(-logits), 1 - smooth, reduction="none")


@dataclass(kw_only=True)
class TokenCrossEntropy:
    """Cross-entropy a token: -log softmax(z)[y], in nats; its mean is the logarithm of the perplexity.

    The negative log-likelihood of a text under the categorical distributions of each next token.
    """

    def __call__(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Values and weights ``[batch, length]`` of logits ``[batch, length, vocabulary]``.

        A weight is 1, and 0 where no token follows (target 0).
        """
        values = F.cross_entropy(prediction.flatten(0, 1), target.flatten(), reduction="none")
        return values.view(target.shape), (target != 0).to(values.dtype)


def _known(target: Tensor) -> tuple[Tensor, Tensor]:
    """The truth with 0 where it is not known, and where it is; masking a value of NaN would not stop its gradient."""
    is_known = ~target.isnan()
    return target.nan_to_num(), is_known


def _summed_over_labels(values: Tensor) -> Tensor:
    """``[batch, labels]`` becomes ``[batch]``; ``[batch]`` stays."""
    return values.flatten(1).sum(1) if values.ndim > 1 else values


def _truth_and_others(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The true class's logit ``[batch]``, and all logits ``[batch, classes]`` with the true one at -inf."""
    index = target.unsqueeze(1)
    return logits.gather(1, index).squeeze(1), logits.scatter(1, index, -math.inf)


def _as_tensor(weights: tuple[float, ...] | None) -> Tensor | None:
    return None if weights is None else torch.tensor(weights)


def _matched(weights: Tensor, num_expected: int, prediction: Tensor, option: str) -> Tensor:
    """The weights on the prediction's device, checked to be as many as the scores."""
    if len(weights) != num_expected:
        raise UsageError(
            f"option {option!r} has {len(weights)} weights, "
            f"but the network emits {num_expected} scores an example",
            fix=f"give {num_expected} weights, in the order of the labels",
        )
    return weights.to(prediction.device)
