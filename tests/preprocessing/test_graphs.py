import numpy as np
import onnx
import spox
import spox.opset.ai.onnx.v20 as op
from onnx import TensorProto, helper

from zoo.preprocessing.graphs import build, chain, cut, open_session


def stage(source, result, factor):
    value = spox.argument(spox.Tensor(np.float32, ("batch",)))
    return build({source: value}, {result: op.mul(value, op.constant(value=np.float32(factor)))})


def run(model, **inputs):
    return open_session(model).run(None, inputs)


X = np.array([1, 2], np.float32)


def test_a_chain_computes_one_stage_after_another():
    model = chain([("one", stage("x", "y", 2)), ("two", stage("y", "z", 5))])
    onnx.checker.check_model(model, full_check=True)
    assert run(model, x=X)[0].tolist() == [10, 20]


def test_stages_may_use_the_same_names_inside():
    # Both stages call their tensors alike, and the second one's inner tensor is called like the input.
    def named(source, inner, result):
        nodes = [helper.make_node("Neg", [source], [inner]), helper.make_node("Exp", [inner], [result])]
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch"]) for n in (source, result)]
        return helper.make_model(
            helper.make_graph(nodes, "g", ends[:1], ends[1:]),
            opset_imports=[helper.make_opsetid("", 20)],
            ir_version=8,
        )

    model = chain([("one", named("x", "t", "y")), ("two", named("y", "x", "z"))])
    np.testing.assert_allclose(run(model, x=X)[0], np.exp(-np.exp(-X)), rtol=1e-6)


def test_branches_keep_reading_what_lies_outside_of_them():
    outer = helper.make_tensor("weight", TensorProto.FLOAT, [1], [3.0])
    branches = {
        name: helper.make_graph(
            [helper.make_node(kind, ["y", "weight"], [f"{name}_out"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, ["batch"])],
        )
        for name, kind in (("then_branch", "Mul"), ("else_branch", "Add"))
    }
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch"]) for n in ("y", "z")]
    nodes = [
        helper.make_node("ReduceSum", ["y"], ["sum"], keepdims=0),
        helper.make_node("Less", ["sum", "zero"], ["negative"]),
        helper.make_node("If", ["negative"], ["z"], **branches),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    branching = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:], [outer, zero]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=8,
    )
    model = chain([("one", stage("x", "y", 1)), ("two", branching)])
    onnx.checker.check_model(model, full_check=True)
    assert run(model, x=X)[0].tolist() == [4, 5]
    assert run(model, x=-X)[0].tolist() == [-3, -6]


def test_a_cut_runs_a_part_of_the_chain():
    model = chain([("one", stage("x", "y", 2)), ("two", stage("y", "z", 5))])
    assert run(cut(model, ["x"], ["y"]), x=X)[0].tolist() == [2, 4]
    assert run(cut(model, ["y"], ["z"]), y=X)[0].tolist() == [5, 10]


def test_a_chain_leaves_its_stages_as_they_were():
    one, two = stage("x", "y", 2), stage("y", "z", 5)
    before = one.SerializeToString(), two.SerializeToString()
    chain([("one", one), ("two", two)])
    assert (one.SerializeToString(), two.SerializeToString()) == before


def test_built_models_say_opset_20_whatever_their_operators():
    model = stage("x", "y", 2)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
