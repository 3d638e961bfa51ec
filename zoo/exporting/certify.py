"""Proves that an exported file answers as the trained network does, or says where it does not.

Raw held-out examples go through the exact bytes of the file in ONNX Runtime and through the network in
PyTorch. A file may be no further from PyTorch in float64 than a small multiple of what PyTorch itself is in
float32: for every output, |file - float64| <= 3 * max |float32 - float64| + 1e-6 * scale. Scores are judged
too, since saturated probabilities would hide a fault.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from zoo.contracts.signature import Examples, Target, Values
from zoo.errors import VerificationError
from zoo.exporting.comparison import Comparison, Subject, refusal
from zoo.exporting.held_out import golden, sample, take
from zoo.exporting.probes import probes
from zoo.preprocessing.encoding import SCORES
from zoo.runtime.answers import Answers, Reals, Tolerance, distance, faults, measured
from zoo.runtime.arrays import typed
from zoo.runtime.batches import Column
from zoo.training.evaluation import Judge
from zoo.training.metrics import compute
from zoo.training.trained import Trained

SMALL_BATCHES = (1, 2, 7)
LARGE_BATCH = 256
_MULTIPLE = 3.0
_RELATIVE = 1e-6
_WORST_PRECISION = 1e-2
_NUM_PERTURBATIONS = 8


@dataclass(frozen=True)
class Proof:
    """What certification measured.

    Attributes:
        num_examples: Held-out examples compared.
        batch_sizes: Batch sizes at which they were compared.
        metrics: The task's metrics, by ``"torch"`` and by ``"onnx"``.
        max_abs_error: Largest distance from float64, by output and for the scores.
        tolerance: Largest distance allowed, by output and for the scores.
        golden: Raw golden examples.
        expected: Their answers in float64.
    """

    num_examples: int
    batch_sizes: tuple[int, ...]
    metrics: Mapping[str, Mapping[str, float]]
    max_abs_error: Mapping[str, float]
    tolerance: Tolerance
    golden: Mapping[str, Column]
    expected: Answers


def certify(model: bytes, trained: Trained) -> Proof:
    """Compares a serialized model with the trained network on the whole test split.

    Raises:
        VerificationError: They differ; names the output, batch size, example, error and tolerance.
    """
    raw = trained.network.preprocessing.raw
    if not trained.splits.test:
        raise VerificationError(
            "there is no held-out example to prove the export on", fix="train with data.test=0.2"
        )
    test = replace(trained.splits.test, inputs=typed(trained.splits.test.inputs, raw))
    subject = Subject(model, trained.network)
    whole = subject.compare(test, LARGE_BATCH)
    tolerance = _tolerance(whole, raw.target, subject.fitted)
    _require_agreement(whole, raw.target, tolerance, test, LARGE_BATCH)
    few = sample(test)
    sizes = [size for size in SMALL_BATCHES if size <= len(few)]
    compared = [whole]
    for size in sizes:
        compared.append(subject.compare(few, size))
        _require_agreement(compared[-1], raw.target, tolerance, few, size)
    probing = probes(raw, test)
    probed = subject.compare(probing, LARGE_BATCH)
    _require_agreement(
        _within_range(probed, raw.target),
        raw.target,
        _tolerance(probed, raw.target, subject.fitted),
        probing,
        LARGE_BATCH,
    )
    _require_variation(whole, probed)
    places = golden(test)
    return Proof(
        num_examples=len(test),
        batch_sizes=tuple(dict.fromkeys((*sizes, min(LARGE_BATCH, len(test))))),
        metrics=_metrics(whole, trained.judge, tolerance, test),
        max_abs_error={name: max(_max_error(each, name) for each in compared) for name in tolerance},
        tolerance=tolerance,
        golden=take(test, places).inputs,
        expected={name: answer[places] for name, answer in whole.double.items() if name != SCORES},
    )


def _tolerance(compared: Comparison, target: Target, fitted: Mapping[str, list[float]]) -> Tolerance:
    _require_precision(compared)
    return {
        name: _limits(compared, name, target, fitted) for name in compared.double if measured(target, name)
    }


def _require_precision(compared: Comparison) -> None:
    """Refuses a network whose own precision would make every file acceptable."""
    error = _rounding_error(compared, SCORES).max()
    scale = np.abs(compared.double[SCORES]).max()
    if not error <= _WORST_PRECISION * scale:
        raise VerificationError(
            f"nothing can be proved: in PyTorch, scores up to {scale:.3g} differ by {error:.3g} "
            "between float32 and float64",
            fix="in eval mode the network must be deterministic, and its scores finite",
        )


def _rounding_error(compared: Comparison, name: str) -> Reals:
    return distance(compared.double[name], compared.single[name])


def _limits(
    compared: Comparison, name: str, target: Target, fitted: Mapping[str, list[float]]
) -> tuple[float, ...]:
    """The rule of the module's docstring; values have a limit each, since their units differ."""
    error, double = _rounding_error(compared, name), compared.double[name]
    if not isinstance(target, Values) or name == SCORES:
        return (_MULTIPLE * float(error.max()) + _RELATIVE * float(np.abs(double).max()),)
    # The scale of a value is its spread: 1e-6 of a year like 2024 would be an error of 18 hours.
    scale = np.abs(double - np.array(fitted["mean"])).max(axis=0)
    rounding = np.spacing(np.abs(double).max(axis=0).astype(np.float32))
    return tuple(map(float, _MULTIPLE * error.max(axis=0) + _RELATIVE * scale + rounding))


def _require_agreement(
    compared: Comparison, target: Target, tolerance: Tolerance, examples: Examples, batch_size: int
) -> None:
    for fault in faults(target, compared.double, compared.file, tolerance):
        raise refusal(
            f"{fault.output} of {examples.ids[fault.example]}, at batch size {batch_size}: {fault.message}"
        )


def _within_range(probed: Comparison, target: Target) -> Comparison:
    """Without values: of probes, unlike real examples, they may be too large for float32."""
    if not isinstance(target, Values):
        return probed
    return replace(probed, double={SCORES: probed.double[SCORES]})


def _require_variation(*compared: Comparison) -> None:
    scores = np.concatenate([each.double[SCORES] for each in compared])
    if np.all(scores == scores[0]):
        raise VerificationError(
            f"nothing can be proved: the network gives the same scores for all {len(scores)} examples",
            fix="train it until it tells examples apart",
        )


def _max_error(compared: Comparison, name: str) -> float:
    return float(distance(compared.double[name], compared.file[name]).max())


def _metrics(
    whole: Comparison, judge: Judge, tolerance: Tolerance, test: Examples
) -> dict[str, dict[str, float]]:
    """The task's metrics both ways; they may differ by what the tolerance of the answers makes of them."""

    def judged(given: Answers) -> dict[str, float]:
        return compute(judge.registry, judge.names, judge.target, given, test.target)

    torch, file = judged(whole.single), judged(whole.file)
    apart = [
        name
        for name in torch
        if not math.isclose(torch[name], file[name], rel_tol=_RELATIVE, abs_tol=_RELATIVE)
    ]
    if apart:
        nearby = [judged(each) for each in _perturbed(whole.single, judge.target, tolerance)]
        for name in apart:
            allowed = 2 * max(abs(each[name] - torch[name]) for each in nearby)
            if not abs(file[name] - torch[name]) <= allowed:
                raise refusal(
                    f"{name} on {len(test)} held-out examples: PyTorch {torch[name]}, file {file[name]}"
                )
    return {"torch": torch, "onnx": file}


def _perturbed(single: Answers, target: Target, tolerance: Tolerance) -> list[Answers]:
    """Answers moved at random within their tolerance: a metric of ranks or choices jumps at ties."""
    random, name = np.random.default_rng(0), target.judged_by
    limits, answer = np.array(tolerance[name]), np.asarray(single[name], np.float64)
    shifts = random.uniform(-1.0, 1.0, (_NUM_PERTURBATIONS, *answer.shape)) * limits
    moved = answer + shifts
    return [{name: each if isinstance(target, Values) else each.clip(0.0, 1.0)} for each in moved]
