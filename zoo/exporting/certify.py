"""Proves that an exported file answers as the trained network does, or says where it does not.

Raw held-out examples go through the exact bytes of the file in ONNX Runtime and through the network in
PyTorch. A file may be no further from PyTorch in float64 than a small multiple of what PyTorch itself is in
float32: for every output, |file - float64| <= 3 * max |float32 - float64| + 1e-6 * scale. Scores are judged
too, since saturated probabilities would hide a fault.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Mask, Sample, Target, Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.errors import VerificationError
from zoo.exporting.comparison import Comparison, Subject, refusal
from zoo.exporting.held_out import affordable, golden, sample, take
from zoo.exporting.probes import probes
from zoo.exporting.tolerances import Rule, perturbed
from zoo.runtime.answers import Answers, Tolerance, faults
from zoo.runtime.arrays import typed
from zoo.runtime.batches import Column
from zoo.training.evaluation import Judge
from zoo.training.metrics import compute
from zoo.training.trained import Trained

SMALL_BATCHES = (1, 2, 7)
LARGE_BATCH = 256
_LARGE_BATCH_OF_MASKS = 16
_BATCH_VALUES = LARGE_BATCH * 3 * 224 * 224
_RELATIVE = 1e-6
_MAX_SAMPLES = 1000
_NUM_CONTINUED = 4
_CONTINUED_LENGTH = 400


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


def certify(model: bytes, trained: Trained, states: Sequence[TensorSpec] = ()) -> Proof:
    """Compares a serialized model with the trained network on the whole test split.

    Args:
        model: The file.
        trained: The run that it was made from.
        states: What a network that predicts tokens hands from one text to the next.

    Raises:
        VerificationError: They differ; names the output, batch size, example, error and tolerance.
    """
    raw = trained.network.preprocessing.raw
    target = raw.target
    if not trained.splits.test:
        raise VerificationError(
            "there is no held-out example to prove the export on", fix="train with data.test=0.2"
        )
    test = _held_out(trained.splits.test, raw, trained.network.signature)
    subject = Subject(model, trained.network, states)
    largest = large_batch(target, trained.network.preprocessing.encoded.inputs)
    rule = Rule(target, trained.network.preprocessing.fitted)
    whole = subject.compare(test, largest)
    tolerance = rule.tolerance(whole)
    require_agreement(whole, target, tolerance, test, largest)
    few = sample(test)
    sizes = [size for size in SMALL_BATCHES if size <= len(few)]
    compared = [whole]
    for size in sizes:
        compared.append(subject.compare(few, size))
        require_agreement(compared[-1], target, tolerance, few, size)
    _certify_probes(subject, rule, probes(raw, test), whole, largest)
    if states:
        _certify_continuation(subject, rule, test)
    answers = {name: whole.double[name] for name in target.answers}
    places = golden(test, answers)
    return Proof(
        num_examples=len(test),
        batch_sizes=tuple(dict.fromkeys((*sizes, min(largest, len(test))))),
        metrics=_metrics(whole, trained.judge.with_target(target), tolerance, test),
        max_abs_error={name: max(rule.error(each, name) for each in compared) for name in tolerance},
        tolerance=tolerance,
        golden=take(test, places).inputs,
        expected={name: answer[places] for name, answer in answers.items()},
    )


def _held_out(test: Examples, raw: Signature, encoded: Signature) -> Examples:
    """The test split; of latent vectors, which cost nothing to draw, some, and of masks what memory holds."""
    if isinstance(raw.target, Sample):
        shown = test.ids[:_MAX_SAMPLES]
        return Examples(
            typed({name: each[: len(shown)] for name, each in test.inputs.items()}, raw), None, shown
        )
    if isinstance(raw.target, Mask):
        (_, height, width) = encoded.inputs[0].shape
        logits = len(raw.target.labels) * (height or 1) * (width or 1)
        test = affordable(test, num_numbers=logits)
    return replace(test, inputs=typed(test.inputs, raw))


def large_batch(target: Target, encoded: Sequence[TensorSpec]) -> int:
    """Examples that go through the network at once: 256, or as many clips or masks as take no more room."""
    if isinstance(target, Mask):
        return _LARGE_BATCH_OF_MASKS
    num_values = sum(math.prod(size or 1 for size in spec.shape) for spec in encoded)
    return max(SMALL_BATCHES[-1] + 1, min(LARGE_BATCH, _BATCH_VALUES // max(1, num_values)))


def _certify_probes(
    subject: Subject, rule: Rule, probing: Examples, whole: Comparison, batch_size: int
) -> None:
    probed = subject.compare(probing, batch_size)
    within = rule.within_range(probed)
    require_agreement(within, rule.target, rule.tolerance(within), probing, batch_size)
    name = "probabilities" if isinstance(rule.target, Tokens) else rule.target.outputs[0].name
    scores = np.concatenate([each.double[name] for each in (whole, probed)])
    if np.all(scores == scores[0]):
        raise VerificationError(
            f"nothing can be proved: the network gives the same scores for all {len(scores)} examples",
            fix="train it until it tells examples apart",
        )


def _certify_continuation(subject: Subject, rule: Rule, test: Examples) -> None:
    """Refuses a language model that goes on from a state otherwise than from the text itself."""
    (texts,) = test.inputs.values()
    pieces = [
        cut for text in texts[:_NUM_CONTINUED] for cut in [cut_in_two(str(text)[:_CONTINUED_LENGTH])] if cut
    ]
    compared = subject.continued(pieces)
    examples = Examples(
        {}, None, [f"{first[-20:]!r} continued by {second[:20]!r}" for first, second in pieces]
    )
    require_agreement(compared, rule.target, rule.tolerance(compared), examples, 1)


def cut_in_two(text: str) -> tuple[str, str] | None:
    """A text in two pieces whose tokens are together those of the whole; ``None`` where it has no blank inside."""
    places = [place for place in range(1, len(text) - 1) if text[place] == " "]
    return (text[: places[len(places) // 2]], text[places[len(places) // 2] :]) if places else None


def require_agreement(
    compared: Comparison, target: Target, tolerance: Tolerance, examples: Examples, batch_size: int
) -> None:
    """Refuses answers that are too far apart.

    Raises:
        VerificationError: Names output, example, batch size, error and tolerance.
    """
    for fault in faults(target, compared.double, compared.file, tolerance):
        raise refusal(
            f"{fault.output} of {examples.ids[fault.example]}, at batch size {batch_size}: {fault.message}"
        )


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
        and not math.isnan(torch[name]) & math.isnan(file[name])
    ]
    if apart:
        nearby = [judged(each) for each in perturbed(whole.single, judge.target, tolerance)]
        for name in apart:
            allowed = 2 * max(abs(each[name] - torch[name]) for each in nearby)
            if not abs(file[name] - torch[name]) <= allowed:
                raise refusal(
                    f"{name} on {len(test)} held-out examples: PyTorch {torch[name]}, file {file[name]}"
                )
    return {"torch": torch, "onnx": file}
