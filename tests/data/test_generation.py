import numpy as np
import pytest

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes, Sample, Values
from zoo.contracts.tensors import TensorSpec
from zoo.data.generation import as_samples
from zoo.errors import DataError

PICTURE = TensorSpec("image", "image", "uint8", (None, None, 1))


def splits(spec=PICTURE, target=None):
    pictures = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)
    truth = np.array(list("abaab"), object)
    examples = Examples({spec.name: pictures}, truth, list("vwxyz"))
    return Splits(Signature((spec,), target or Classes(("a", "b"))), examples, None, examples)


def test_pictures_become_the_truth_and_latent_vectors_the_input():
    found = as_samples(splits(), latent_size=3, is_conditional=False, seed=0)
    assert found.signature == Signature((TensorSpec("latent", "latent", "float32", (3,)),), Sample(1))
    assert found.train.target is splits().train.target or found.train.target.shape == (5, 2, 2, 1)
    assert found.train.inputs["latent"].shape == (5, 3)
    assert found.validation is None


def test_latent_vectors_follow_the_seed_and_differ_between_splits():
    one, same, other = (
        as_samples(splits(), latent_size=8, is_conditional=False, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.train.inputs["latent"], same.train.inputs["latent"])
    assert not np.array_equal(one.train.inputs["latent"], other.train.inputs["latent"])
    assert not np.array_equal(one.train.inputs["latent"], one.test.inputs["latent"])


def test_a_conditional_generator_is_given_the_label():
    found = as_samples(splits(), latent_size=3, is_conditional=True, seed=0)
    assert [spec.kind for spec in found.signature.inputs] == ["latent", "category"]
    assert found.train.inputs["label"].tolist() == list("abaab")


def test_data_without_pictures_is_refused():
    with pytest.raises(DataError, match="the network generates pictures, and the data gives vector 'v'"):
        as_samples(
            splits(TensorSpec("v", "vector", "float32", (4,))), latent_size=3, is_conditional=False, seed=0
        )


def test_a_label_to_ask_for_is_needed():
    with pytest.raises(DataError, match="generates a picture of a label, and the data's target is values"):
        as_samples(splits(target=Values(("y",))), latent_size=3, is_conditional=True, seed=0)
