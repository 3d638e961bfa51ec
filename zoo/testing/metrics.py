"""Checks of a metric: better answers have better figures, however they are cut into batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zoo.contracts.entries import Metric
from zoo.contracts.examples import Objects
from zoo.contracts.targets import TARGETS, Boxes, Target
from zoo.testing.checks import Subject, expect
from zoo.testing.registration import suite
from zoo.testing.specimens import target_of
from zoo.training.metrics import encode_truth, judged

_NUM_EXAMPLES = 6
_CLOSE = 1e-6


@dataclass(frozen=True)
class Case:
    """Answers to six examples, as an exported model gives them.

    Attributes:
        target: What is predicted.
        truth: As in ``Examples.target``.
        good: Nearly right ones.
        bad: Wrong ones.
    """

    target: Target
    truth: Any
    good: dict[str, Any]
    bad: dict[str, Any]


def fits_known_targets(subject: Subject) -> None:
    """It is built for each target that it fits, and says whether it judges the measure or the decision."""
    entry = _entry(subject)
    unknown = [kind for kind in entry.fits if kind not in TARGETS]
    is_told = bool(entry.fits) and not unknown
    expect(is_told, f"targets among {', '.join(TARGETS)}", f"fits={', '.join(entry.fits)!r}")
    expect(entry.judges in ("measure", "decision"), "judges='measure' or 'decision'", repr(entry.judges))
    for kind in entry.fits:
        subject.make(target_of(kind))


def tells_better_from_worse(subject: Subject) -> None:
    """Right answers have a better figure than wrong ones, in the direction that the entry tells."""
    entry = _entry(subject)
    for case in _cases(entry):
        good, bad = _figure(subject, case, case.good), _figure(subject, case, case.bad)
        is_better = good > bad if entry.higher_is_better else good < bad
        direction = "higher" if entry.higher_is_better else "lower"
        told = f"{good:.3g} and {bad:.3g} for {case.target.kind}"
        expect(is_better, f"a {direction} figure for right answers than for wrong ones", told)


def batches_add_up(subject: Subject) -> None:
    """Two batches one after the other have the figure of both at once, and after a reset nothing is left."""
    for case in _cases(_entry(subject)):
        mixed = {name: np.concatenate([each[:2], case.good[name][2:]]) for name, each in case.bad.items()}
        whole = _figure(subject, case, mixed)
        cut = _figure(subject, case, mixed, size=4)
        expect(abs(whole - cut) <= _CLOSE, f"{whole:.6g} in two batches", f"{cut:.6g} for {case.target.kind}")
        anew = _figure(subject, case, mixed, first=case.bad)
        expect(abs(whole - anew) <= _CLOSE, f"{whole:.6g} after a reset", f"{anew:.6g}")


def _entry(subject: Subject) -> Metric:
    entry = subject.entry
    assert isinstance(entry, Metric)
    return entry


def _figure(
    subject: Subject,
    case: Case,
    answers: dict[str, Any],
    *,
    size: int = _NUM_EXAMPLES,
    first: dict[str, Any] | None = None,
) -> float:
    """The figure, or the mean where there is one a label."""
    metric, entry = subject.make(case.target), _entry(subject)
    if first is not None:
        metric.update(judged(case.target, first, entry), encode_truth(case.target, case.truth))
        metric.reset()
    for start in range(0, _NUM_EXAMPLES, size):
        part = slice(start, start + size)
        given = {name: each[part] for name, each in answers.items()}
        metric.update(judged(case.target, given, entry), encode_truth(case.target, case.truth[part]))
    return float(torch.as_tensor(metric.compute()).double().mean())


def _cases(entry: Metric) -> Iterator[Case]:
    for kind in entry.fits:
        yield _CASES[kind](target_of(kind))


def _classes(target: Any) -> Case:
    places = np.arange(_NUM_EXAMPLES) % len(target.labels)
    labels = np.array(target.labels, object)

    def answers(chosen: Any) -> dict[str, Any]:
        probabilities = np.full((_NUM_EXAMPLES, len(labels)), 0.1)
        probabilities[np.arange(_NUM_EXAMPLES), chosen] = 1.1 - 0.1 * len(labels)
        return {"label": labels[chosen], "probabilities": probabilities}

    return Case(target, labels[places], answers(places), answers((places + 1) % len(labels)))


def _binary(target: Any) -> Case:
    truth = np.arange(_NUM_EXAMPLES) % 2
    labels = np.array(target.labels, object)

    def answers(chosen: Any) -> dict[str, Any]:
        return {"label": labels[chosen], "probability": np.where(chosen == 1, 0.9, 0.1)}

    return Case(target, labels[truth], answers(truth), answers(1 - truth))


def _labels(target: Any) -> Case:
    truth = (np.arange(_NUM_EXAMPLES)[:, None] + np.arange(len(target.labels))) % 2 == 1

    def answers(chosen: Any) -> dict[str, Any]:
        return {"labels": chosen, "probabilities": np.where(chosen, 0.9, 0.1)}

    return Case(target, truth, answers(truth), answers(~truth))


def _reals(target: Any) -> Case:
    truth = np.random.default_rng(0).normal(size=(_NUM_EXAMPLES, *target.scores_shape))
    return Case(target, truth, {"values": truth + 0.01}, {"values": truth[::-1].copy()})


def _tokens(target: Any) -> Case:
    likely, unlikely = ({"log_likelihoods": np.full((_NUM_EXAMPLES, 5), value)} for value in (-0.1, -3.0))
    return Case(target, np.array(["abcde"] * _NUM_EXAMPLES, object), likely, unlikely)


def _boxes(target: Boxes) -> Case:
    box = np.array([[2.0, 3, 20, 24]])
    truth = [Objects((target.labels[i % 2],), box + i, np.array([False])) for i in range(_NUM_EXAMPLES)]

    def answers(shift: int) -> dict[str, Any]:
        return {
            "boxes": np.stack([each.boxes + shift for each in truth]),
            "labels": np.array([each.labels for each in truth], object),
            "scores": np.full((_NUM_EXAMPLES, 1), 0.9),
            "num_objects": np.ones(_NUM_EXAMPLES, np.int64),
        }

    return Case(target, truth, answers(0), answers(30))


def _mask(target: Any) -> Case:
    num_labels = len(target.labels)
    truth = (np.arange(_NUM_EXAMPLES * 16) % num_labels).astype(np.uint8).reshape(_NUM_EXAMPLES, 4, 4)

    def answers(chosen: Any) -> dict[str, Any]:
        return {"mask": chosen.astype(np.uint8), "margin": np.full(chosen.shape, 0.5, np.float32)}

    return Case(target, truth, answers(truth), answers((truth + 1) % num_labels))


_CASES = {
    "classes": _classes,
    "binary": _binary,
    "labels": _labels,
    "values": _reals,
    "forecast": _reals,
    "tokens": _tokens,
    "boxes": _boxes,
    "mask": _mask,
}

SUITE = suite(fits_known_targets, tells_better_from_worse, batches_add_up)
