"""Chooses the probability from which each of several labels is answered."""

import numpy as np
from numpy.typing import NDArray

DEFAULT = 0.5


def choose_thresholds(probabilities: NDArray[np.float32], truth: NDArray[np.generic]) -> tuple[float, ...]:
    """The threshold of each label with the largest F1 on these examples.

    Between two neighbouring probabilities every threshold chooses alike, so their middle is taken. A label
    that no example has, or all have, keeps one half.

    Args:
        probabilities: ``[examples, labels]``.
        truth: 0 or 1 ``[examples, labels]``, NaN where it is not known.
    """
    known = np.asarray(truth, np.float64)
    return tuple(_choose(column, answers) for column, answers in zip(probabilities.T, known.T, strict=True))


def _choose(probabilities: NDArray[np.float32], truth: NDArray[np.float64]) -> float:
    is_known = ~np.isnan(truth)
    scores, truth = probabilities[is_known].astype(np.float64), truth[is_known]
    if truth.sum() in (0, len(truth)):
        return DEFAULT
    order = np.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    num_chosen = np.arange(1, len(truth) + 1)
    f1 = 2 * np.cumsum(truth) / (num_chosen + truth.sum())
    # Equal probabilities are chosen together or not at all.
    is_cut = np.append(scores[1:] < scores[:-1], True)
    best = int(np.argmax(np.where(is_cut, f1, -1.0)))
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    middle = float(np.float32((scores[best] + below) / 2))
    return middle if middle > below else float(scores[best])
