from collections.abc import Callable

import pytest

from zoo.plugin import Binary, Classes, Labels, Signature, TensorSpec, Values

Target = Binary | Classes | Labels | Values
SignatureOf = Callable[[int, Target], Signature]

TARGETS = [
    Classes(("cat", "dog", "owl")),
    Binary(("benign", "malignant")),
    Labels(("red", "green", "blue", "grey")),
    Values(("height", "weight")),
]


@pytest.fixture(params=TARGETS, ids=lambda target: target.kind)
def target(request: pytest.FixtureRequest) -> Target:
    return request.param


@pytest.fixture(scope="session")
def signature_of() -> SignatureOf:
    def build(num_features: int, target: Target) -> Signature:
        features = TensorSpec("features", "vector", "float32", (num_features,))
        scores = TensorSpec("scores", target.kind, "float32", target.scores_shape)
        return Signature((features,), target, (scores,))

    return build
