"""How a split reaches a step of training."""

import sys

import numpy as np
import onnx
import pytest
import torch

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Sample, Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError
from zoo.preprocessing import Encoder, Tokenisation, Wishes, fit
from zoo.training.encoded import EncodedSplit
from zoo.training.finishing import replay

NUM = 53
CPU = torch.device("cpu")
RNG = np.random.default_rng(5)
LABELS = RNG.choice(["a", "b"], NUM).astype(object)


def vectors():
    spec = TensorSpec("v", "vector", "float32", (3,))
    return (spec,), Classes(("a", "b")), {"v": RNG.normal(size=(NUM, 3)).astype(np.float32)}, LABELS


def table():
    specs = (TensorSpec("n", "number", "float64", ()), TensorSpec("c", "category", "string", ()))
    inputs = {"n": RNG.normal(size=NUM), "c": RNG.choice(["x", "y", "z"], NUM).astype(object)}
    return specs, Values(("y",)), inputs, RNG.normal(size=(NUM, 1))


def pictures():
    spec = TensorSpec("image", "image", "uint8", (None, None, 3))
    return (spec,), Binary(("a", "b")), {"image": RNG.integers(0, 256, (NUM, 7, 5, 3), np.uint8)}, LABELS


def texts():
    spec = TensorSpec("text", "text", "string", ())
    words = [" ".join(RNG.choice(["one", "two", "three"], RNG.integers(1, 9))) for _ in range(NUM)]
    return (spec,), Classes(("a", "b")), {"text": np.array(words, object)}, LABELS


def samples():
    spec = TensorSpec("latent", "latent", "float32", (4,))
    drawn = RNG.normal(size=(NUM, 4)).astype(np.float32)
    return (spec,), Sample(1, name="image"), {"latent": drawn}, RNG.integers(0, 256, (NUM, 4, 6, 1), np.uint8)


DATA = {
    "vectors": (vectors, "vector"),
    "table": (table, "table"),
    "pictures": (pictures, "image"),
    "flat pictures": (pictures, "vector"),
    "texts": (texts, "tokens"),
    "samples": (samples, "latent"),
}


def fitted(name):
    data, kind = DATA[name]
    specs, target, inputs, truth = data()
    examples = Examples(inputs, truth, [f"row {row}" for row in range(NUM)])
    wishes = Wishes(tokenisation=Tokenisation(tokens="words", min_count=1))
    return fit(Signature(specs, target), examples, (kind,), wishes), examples


@pytest.fixture(params=DATA)
def split(request):
    preprocessing, examples = fitted(request.param)
    return EncodedSplit(preprocessing, examples, CPU)


def tensors_of(batch):
    return [*batch.inputs, *(batch.target if isinstance(batch.target, tuple) else [batch.target])]


@pytest.mark.parametrize("name", [name for name in DATA if name != "samples"])
def test_a_batch_holds_what_the_shipped_graph_makes_of_its_examples(name):
    preprocessing, examples = fitted(name)
    encoder, rows = Encoder(preprocessing), np.array([9, 0, 52, 9])
    batch = EncodedSplit(preprocessing, examples, CPU).batch(torch.from_numpy(rows))
    expected = encoder.finish(encoder.store(examples).stored, rows)
    for tensor, array in zip(batch.inputs, expected, strict=True):
        assert tensor.is_contiguous()
        assert tensor.numpy().tobytes() == np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("num_parts", [1, 3, 99])
def test_micro_batches_hold_the_examples_of_the_batch_in_order(split, num_parts):
    indices = torch.tensor([7, 3, 3, 50, 1])
    whole = split.batch(indices)
    batches = split.cut(whole, num_parts, seed=0)
    assert [len(batch) for batch in batches] == [
        len(part) for part in indices.tensor_split(min(num_parts, 5))
    ]
    parts = zip(*map(tensors_of, batches), strict=True)
    # The first are latent vectors, which are drawn.
    for one, other in list(zip(parts, tensors_of(whole), strict=True))[1:]:
        assert torch.equal(torch.cat(one), other)


@pytest.mark.parametrize("name", list(DATA))
@pytest.mark.parametrize("size", [1, 7, 33])
def test_batches_that_are_gathered_many_at_once_are_those_that_are_gathered_alone(name, size):
    split = EncodedSplit(*fitted(name), CPU)
    places = torch.randperm(len(split), generator=torch.Generator().manual_seed(1)).split(size)
    streamed = list(split.stream(places))
    assert len(streamed) == len(places)
    for batch, indices in zip(streamed, places, strict=True):
        for one, other in zip(tensors_of(batch), tensors_of(split.batch(indices)), strict=True):
            assert torch.equal(one, other)


def test_latent_vectors_do_not_depend_on_how_a_batch_is_cut():
    preprocessing, examples = fitted("samples")
    split = EncodedSplit(preprocessing, examples, CPU)
    batch = split.batch(torch.arange(11))
    (whole,) = split.cut(batch, 1, seed=3)
    parts = split.cut(batch, 4, seed=3)
    assert torch.equal(torch.cat([part.inputs[0] for part in parts]), whole.inputs[0])
    assert not torch.equal(split.cut(batch, 1, seed=4)[0].inputs[0], whole.inputs[0])


def test_a_batch_of_vectors_costs_at_most_twelve_calls():
    split = EncodedSplit(*fitted("vectors"), CPU)
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(event) if "call" in event else None)
    split.batch(torch.arange(32))
    sys.setprofile(None)
    # The last is setprofile itself.
    assert len(calls) - 1 <= 12


def test_a_last_stage_with_a_foreign_operator_is_refused():
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Erf", ["x"], ["y"])], "g", [value("x", 1, [1])], [value("y", 1, [1])]
    )
    with pytest.raises(ArtifactError, match="operator 'Erf' that none of Zoo's has"):
        replay(onnx.helper.make_model(graph), CPU)
