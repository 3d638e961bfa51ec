import numpy as np
import onnxruntime
import pytest
import spox
import spox.opset.ai.onnx.v20 as op
from onnx import helper

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes, Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ZooError
from zoo.exporting.assemble import assemble
from zoo.postprocessing import build as build_answers
from zoo.preprocessing import Encoder, Geometry, Wishes, fit
from zoo.preprocessing.graphs import build

RNG = np.random.default_rng(3)
WEIGHT = RNG.normal(size=(3, 2)).astype(np.float32)
COLUMNS = {
    "linear": np.array([1.0, 2.0, 6.0]),
    "Größe (m)": np.array([0.5, 0.5, 2.0]),
    "c": np.array(["x", "y", "x"], object),
}
SIGNATURE = Signature(
    (
        TensorSpec("linear", "number", "float64", ()),
        TensorSpec("Größe (m)", "number", "float64", ()),
        TensorSpec("c", "category", "string", ()),
    ),
    Classes(("a", "b")),
)
EXAMPLES = Examples(COLUMNS, np.array(["a", "b", "a"], object), ["row 1", "row 2", "row 3"])


def preprocessing():
    return fit(SIGNATURE, EXAMPLES, ("table",))


def table_network(numbers="encoded", scores="scores"):
    """Adds a table's embedded category to its linearly mapped numbers, as ONNX."""
    x = spox.argument(spox.Tensor(np.float32, ("batch", 2)))
    c = spox.argument(spox.Tensor(np.int64, ("batch",)))
    linear = op.matmul(x, op.constant(value=WEIGHT[:2]))
    embedded = op.gather(op.constant(value=np.arange(8, dtype=np.float32).reshape(4, 2)), c)
    return build({numbers: x, "encoded_c": c}, {scores: op.add(linear, embedded)})


def expected_scores():
    numbers, c = Encoder(preprocessing()).store(EXAMPLES).stored
    return numbers @ WEIGHT[:2] + np.arange(8).reshape(4, 2)[c]


def assembled(network=None, **changes):
    parts = {
        "preprocessing": preprocessing().graph,
        "network": network or table_network(),
        "postprocessing": build_answers(preprocessing()),
    }
    return assemble(**(parts | changes))


def session_of(model):
    return onnxruntime.InferenceSession(model.SerializeToString())


def test_raw_inputs_go_in_and_answers_come_out():
    session = session_of(assembled())
    label, probabilities = session.run(["label", "probabilities"], COLUMNS)
    scores = expected_scores()
    assert label.tolist() == [("a", "b")[i] for i in scores.argmax(axis=1)]
    powers = np.exp(scores)
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-5)


def test_any_batch_goes_in():
    model = assembled()
    session = session_of(model)
    (whole,) = session.run(["probabilities"], COLUMNS)
    for row in range(3):
        (alone,) = session.run(
            ["probabilities"], {name: column[row : row + 1] for name, column in COLUMNS.items()}
        )
        np.testing.assert_allclose(alone[0], whole[row], rtol=1e-6)
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_the_scores_can_be_exposed_in_a_copy():
    model = assembled()
    (scores,) = [value for value in model.graph.value_info if value.name == "scores"]
    model.graph.output.append(scores)
    np.testing.assert_allclose(session_of(model).run(["scores"], COLUMNS)[0], expected_scores(), rtol=1e-5)


def test_the_file_is_for_old_runtimes_and_says_nothing_of_its_making():
    network = table_network()
    network.metadata_props.add(key="path", value="/home/someone/model.py")
    network.producer_version, network.doc_string = "/home/someone/1", "/home/someone/2"
    network.graph.doc_string = "/home/someone/3"
    for node in network.graph.node:
        node.doc_string = "/home/someone/4"
        node.metadata_props.add(key="stack", value="/home/someone/model.py:7")
    for value in (*network.graph.input, *network.graph.output, *network.graph.initializer):
        value.doc_string = "/home/someone/5"
        value.metadata_props.add(key="from", value="/home/someone/model.py:8")
    model = assembled(network)
    assert b"someone" not in model.SerializeToString()
    assert model.ir_version == 8
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == 20
    assert model.producer_name == "zoo"


def test_local_functions_of_a_network_are_inlined():
    network = table_network()
    network.opset_import.append(helper.make_opsetid("local", 1))
    network.functions.append(
        helper.make_function(
            "local",
            "Twice",
            ["x"],
            ["y"],
            [helper.make_node("Add", ["x", "x"], ["y"])],
            [helper.make_opsetid("", 20)],
        )
    )
    (last,) = [node for node in network.graph.node if "scores" in node.output]
    last.output[0] = "halved"
    network.graph.node.append(helper.make_node("Twice", ["halved"], ["scores"], domain="local"))
    model = assembled(network)
    assert not model.functions
    (scores,) = [value for value in model.graph.value_info if value.name == "scores"]
    model.graph.output.append(scores)
    np.testing.assert_allclose(
        session_of(model).run(["scores"], COLUMNS)[0], 2 * expected_scores(), rtol=1e-5
    )


def test_the_same_parts_give_the_same_bytes():
    assert assembled().SerializeToString(deterministic=True) == assembled().SerializeToString(
        deterministic=True
    )


def test_a_network_with_other_inputs_is_refused():
    with pytest.raises(
        ZooError,
        match=r"exported with inputs \['encoded_c', 'x'\]; preprocessing gives \['encoded', 'encoded_c'\]",
    ):
        assembled(table_network(numbers="x"))


def test_a_network_with_other_outputs_is_refused():
    with pytest.raises(ZooError, match=r"exported with outputs \['logits'\]; \['scores'\] is expected"):
        assembled(table_network(scores="logits"))


def test_a_network_of_a_newer_opset_is_refused():
    network = table_network()
    network.opset_import[0].version = 23
    with pytest.raises(ZooError, match=r"opsets .*23.*; ai.onnx 20 is expected"):
        assembled(network)


def test_a_network_of_the_wrong_shape_is_refused():
    x = spox.argument(spox.Tensor(np.float32, ("batch", 5)))
    c = spox.argument(spox.Tensor(np.int64, ("batch",)))
    weight = op.constant(value=np.ones((5, 2), np.float32))
    scores = op.add(
        op.matmul(x, weight), op.unsqueeze(op.cast(c, to=np.float32), op.constant(value=np.array([1])))
    )
    with pytest.raises(ZooError, match="the assembled model is not valid"):
        assembled(build({"encoded": x, "encoded_c": c}, {"scores": scores}))


def test_an_image_goes_in_at_any_size():
    signature = Signature((TensorSpec("image", "image", "uint8", (None, None, 3)),), Values(("y",)))
    images = [RNG.integers(0, 256, size, dtype=np.uint8) for size in ((5, 9, 3), (40, 30, 3))]
    fitted = fit(
        signature,
        Examples({"image": images}, np.array([[1.0], [5.0]]), ["a", "b"]),
        ("vector",),
        Wishes(Geometry((4, 4))),
    )
    x = spox.argument(spox.Tensor(np.float32, ("batch", 48)))
    weight = RNG.normal(size=(48, 1)).astype(np.float32)
    network = build({"encoded_image": x}, {"scores": op.matmul(x, op.constant(value=weight))})
    session = session_of(assemble(fitted.graph, network, build_answers(fitted)))
    (encoded,), _ = Encoder(fitted).whole(Examples({"image": images}, None, ["a", "b"]))
    for image, vector in zip(images, encoded, strict=True):
        (values,) = session.run(None, {"image": image[None]})
        np.testing.assert_allclose(values[0], vector @ weight * 2 + 3, rtol=1e-4, atol=1e-4)
