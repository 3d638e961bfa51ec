"""How close is equal: limits from what float32 PyTorch itself is from float64.

For every output, |file - float64| <= 3 * max |float32 - float64| + 1e-6 * scale.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zoo.contracts.targets import (
    SCORES,
    UNKNOWN_PIXEL,
    Binary,
    Boxes,
    Classes,
    Forecast,
    Labels,
    Mask,
    Sample,
    Several,
    Target,
    Tokens,
    Values,
)
from zoo.errors import VerificationError
from zoo.exporting.comparison import Comparison
from zoo.exporting.reference import sigmoid
from zoo.runtime.answers import Answers, Reals, Tolerance, distance, joined_name, measured, split
from zoo.runtime.batches import Array, gather, is_ragged
from zoo.runtime.masks import is_tie

_MULTIPLE = 3.0
_RELATIVE = 1e-6
_WORST_PRECISION = 1e-2
_NUM_PERTURBATIONS = 8
_SHARE_OF_TIES = 0.5
_HALF_A_LEVEL = 0.5
_NUM_ROUNDINGS = 4

Limits = tuple[float, ...]


@dataclass(frozen=True)
class Rule:
    """The limits of a target's outputs.

    Attributes:
        target: What is predicted.
        fitted: ``Preprocessing.fitted``.
    """

    target: Target
    fitted: Mapping[str, Any]

    def tolerance(self, compared: Comparison) -> Tolerance:
        """Largest distances allowed, by output; values have one each, since their units differ.

        Raises:
            VerificationError: The network's own precision would make every file acceptable.
        """
        if isinstance(self.target, Several):
            return {
                joined_name(self.target, rule.target, name): limits
                for rule, alone in self._parts(compared)
                for name, limits in rule.tolerance(alone).items()
            }
        for name in self._judged(compared):
            _require_precision(compared, name)
        if isinstance(self.target, Boxes):
            return self._of_boxes(compared)
        return {name: self._limits(compared, name) for name in compared.double if measured(self.target, name)}

    def error(self, compared: Comparison, name: str) -> float:
        """The largest distance of an output from float64; of boxes, that of the dense outputs tells."""
        if isinstance(self.target, Boxes) and name in self.target.answers:
            return 0.0
        return float(distance(compared.double[name], compared.file[name]).max())

    def within_range(self, probed: Comparison) -> Comparison:
        """Without answers in the target's unit: of probes, unlike real examples, they may leave float32."""
        dropped = self._in_units(self.target)
        return replace(
            probed, double={name: each for name, each in probed.double.items() if name not in dropped}
        )

    def _in_units(self, target: Target) -> set[str]:
        if isinstance(target, Several):
            return {joined_name(target, part, name) for part in target.parts for name in self._in_units(part)}
        return {target.judged_by} if isinstance(target, Values | Forecast) else set()

    def _parts(self, compared: Comparison) -> Iterator[tuple["Rule", Comparison]]:
        assert isinstance(self.target, Several)
        views = [split(self.target, each) for each in (compared.single, compared.double, compared.file)]
        for (name, part, single), (_, _, double), (_, _, file) in zip(*views, strict=True):
            fitted = {**self.fitted, "target": self.fitted["target"]["parts"][name]}
            yield Rule(part, fitted), Comparison(single, double, file)

    def _judged(self, compared: Comparison) -> list[str]:
        """Outputs that the network itself emits, as far as they are compared."""
        if isinstance(self.target, Tokens):
            return ["probabilities"]
        return [spec.name for spec in self.target.outputs if spec.name in compared.double]

    def _limits(self, compared: Comparison, name: str) -> Limits:
        error, double = _rounding_error(compared, name), compared.double[name]
        if isinstance(self.target, Values | Forecast) and name == self.target.judged_by:
            return self._of_values(error, np.asarray(double, np.float64))
        scale = 1.0 if is_ragged(double) else float(np.nanmax(np.abs(double), initial=0.0))
        limit = _MULTIPLE * float(error.max()) + _RELATIVE * scale
        if isinstance(self.target, Mask) and name == self.target.judged_by:
            limit += _of_interpolation(np.asarray(compared.double[SCORES], np.float64))
        is_picture = isinstance(self.target, Sample) and name == self.target.judged_by
        return (limit + _HALF_A_LEVEL,) if is_picture else (limit,)

    def _of_values(self, error: Reals, double: Reals) -> Limits:
        # The scale of a value is its spread: 1e-6 of a year like 2024 would be an error of 18 hours.
        values = double.reshape(len(double), -1)
        centre = np.array(self.fitted["target"].get("mean", values.mean(axis=0)))
        scale = np.abs(values - centre).max(axis=0)
        rounding = np.spacing(np.abs(values).max(axis=0).astype(np.float32))
        return tuple(map(float, _MULTIPLE * error.max(axis=0) + _RELATIVE * scale + rounding))

    def _of_boxes(self, compared: Comparison) -> Tolerance:
        """Of dense outputs as of any; of boxes and scores what these make of them."""
        dense: dict[str, Limits] = {
            spec.name: self._limits(compared, spec.name) for spec in self.target.outputs
        }
        # Boxes are given in pixels of the picture, the network's are in those of what it sees.
        larger = max(1.0, float(np.abs(compared.double["boxes"]).max()) / min(self.fitted["size"]))
        combined = np.abs(_scores(compared.single) - _scores(compared.double)).max()
        return {
            **dense,
            "boxes": (larger * dense["location_boxes"][0] + _RELATIVE * larger * max(self.fitted["size"]),),
            "scores": (_MULTIPLE * float(combined) + _RELATIVE,),
        }


def perturbed(single: Answers, target: Target, tolerance: Tolerance) -> list[dict[str, Any]]:
    """Answers moved at random within their tolerance: a metric of ranks or choices jumps at ties."""
    random = np.random.default_rng(0)
    return [_moved(single, target, tolerance, random) for _ in range(_NUM_PERTURBATIONS)]


def _moved(
    single: Answers, target: Target, tolerance: Tolerance, random: np.random.Generator
) -> dict[str, Any]:
    if isinstance(target, Several):
        return {
            joined_name(target, part, name): each
            for _, part, own in split(target, single)
            for name, each in _moved(
                own,
                part,
                {name: tolerance[joined_name(target, part, name)] for name in own if measured(part, name)},
                random,
            ).items()
        }
    if isinstance(target, Mask):
        return {target.decided_by: _redecided(target, single, tolerance, random)}
    name = "scores" if isinstance(target, Boxes) else target.judged_by
    answer = np.asarray(single[name], np.float64)
    shifts = random.uniform(-1.0, 1.0, answer.shape)
    moved = answer + (shifts.reshape(len(answer), -1) * np.array(tolerance[name])).reshape(answer.shape)
    if isinstance(target, Classes | Binary | Labels):
        moved = moved.clip(0.0, 1.0)
    if isinstance(target, Labels):
        return {name: moved, target.decided_by: moved >= np.array(target.cuts)}
    return {**single, name: moved}


def _redecided(target: Mask, single: Answers, tolerance: Tolerance, random: np.random.Generator) -> Array:
    """Masks with some of their ties decided otherwise."""
    (limit,) = tolerance[target.judged_by]
    moved = []
    for mask, margin in zip(single[target.decided_by], single[target.judged_by], strict=True):
        is_moved = (
            is_tie(margin, limit) & (mask != UNKNOWN_PIXEL) & (random.random(mask.shape) < _SHARE_OF_TIES)
        )
        other = random.integers(0, len(target.labels), mask.shape, np.uint8)
        moved.append(np.where(is_moved, other, mask))
    return gather(moved)


def _require_precision(compared: Comparison, name: str) -> None:
    """Refuses a network whose own precision would make every file acceptable."""
    error = _rounding_error(compared, name).max()
    scale = np.abs(compared.double[name]).max()
    if not error <= _WORST_PRECISION * scale:
        raise VerificationError(
            f"nothing can be proved: in PyTorch, scores up to {scale:.3g} differ by {error:.3g} "
            "between float32 and float64",
            fix="in eval mode the network must be deterministic, and its scores finite",
        )


def _rounding_error(compared: Comparison, name: str) -> Reals:
    return distance(compared.double[name], compared.single[name])


def _of_interpolation(logits: Reals) -> float:
    """What interpolating logits in float32 makes of a margin at most.

    Rounded are the places between two pixels, the logits there, and the sum over the labels. A margin
    changes by no more than the logits do.
    """
    steps = sum(np.abs(np.diff(logits, axis=axis)).max(initial=0.0) for axis in (2, 3))
    moved = max(logits.shape[2:]) * steps + np.abs(logits).max(initial=0.0)
    return float((_NUM_ROUNDINGS * moved + logits.shape[1]) * np.finfo(np.float32).eps / 2)


def _scores(answers: Answers) -> Reals:
    """The score of each label at each place, ``[batch, locations, labels]``."""
    classes = sigmoid(np.asarray(answers["class_scores"], np.float64))
    qualities = sigmoid(np.asarray(answers["qualities"], np.float64))
    return np.asarray(np.sqrt(classes * qualities[:, :, np.newaxis]))
