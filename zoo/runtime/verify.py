"""Replays a model's golden examples on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import VerificationError
from zoo.runtime import golden
from zoo.runtime.answers import distance, faults, measured
from zoo.runtime.predictor import load


@dataclass(frozen=True)
class Verification:
    """What a replay found.

    Attributes:
        path: The model.
        num_examples: Golden examples that were answered as expected.
        max_abs_error: Largest distance from the expected answers, by output.
        tolerance: Largest distance allowed, by output.
    """

    path: Path
    num_examples: int
    max_abs_error: Mapping[str, float]
    tolerance: Mapping[str, tuple[float, ...]]


def verify(path: Path | str) -> Verification:
    """Checks that a model gives here the answers that it gave where it was exported.

    Raises:
        ArtifactError: The model or its golden examples are missing or damaged.
        VerificationError: An answer differs by more than the recorded tolerance.
    """
    path = Path(path)
    predictor = load(path)
    certificate, target = predictor.certificate, predictor.signature.target
    columns, expected = golden.read(path, predictor.signature, certificate.golden_sha256)
    answers = predictor.answer(columns)
    for fault in faults(target, expected, answers, certificate.tolerance):
        raise VerificationError(
            f"{path.name} answers golden example {fault.example} differently here: {fault.output}: {fault.message}",
            fix="upgrade or downgrade onnxruntime to the version in the certificate: "
            f"{certificate.versions.get('onnxruntime', 'unknown')}",
        )
    names = [name for name in expected if measured(target, name)]
    return Verification(
        path=path,
        num_examples=len(next(iter(expected.values()))),
        max_abs_error={name: float(distance(expected[name], answers[name]).max()) for name in names},
        tolerance={name: certificate.tolerance[name] for name in names},
    )
