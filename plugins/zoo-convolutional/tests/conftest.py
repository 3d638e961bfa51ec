from collections.abc import Callable

import pytest

from zoo.plugin import Binary, Classes, Labels, Signature, TensorSpec, Values

Target = Binary | Classes | Labels | Values
SignatureOf = Callable[[tuple[int, int, int], Target], Signature]

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
    def build(shape: tuple[int, int, int], target: Target) -> Signature:
        picture = TensorSpec("picture", "image", "float32", shape)
        scores = TensorSpec("scores", target.kind, "float32", target.scores_shape)
        return Signature((picture,), target, (scores,))

    return build
