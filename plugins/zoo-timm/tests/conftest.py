import pytest

from zoo.plugin import Classes, Signature, TensorSpec


@pytest.fixture
def signature_of():
    def build(side=32, *, channels=3, target=None):
        target = target or Classes(("cat", "dog", "owl"))
        picture = TensorSpec("picture", "image", "float32", (channels, side, side))
        return Signature((picture,), target, target.outputs)

    return build
