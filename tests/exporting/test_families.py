"""Every family exports with a certificate, and a file that was tampered with is refused."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import zoo
from benchmarks.families import FAMILIES, write
from zoo.errors import VerificationError
from zoo.exporting import certify as certifying
from zoo.exporting import pipeline
from zoo.runtime import load
from zoo.runtime.verify import verify
from zoo.training import trained


class Exported:
    """A family's run and its whole model, not yet proven."""

    def __init__(self, run, registry):
        self.trained = trained.load(run, registry)
        self.states = pipeline.states_of(self.trained)
        self.model = pipeline.build(self.trained)

    def certify(self, model):
        return certifying.certify(model.SerializeToString(), self.trained, self.states)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory, registry):
    built = {}

    def get(name):
        if name not in built:
            recipe = FAMILIES[name].recipe(folder)
            recipe["epochs"] = 4
            run = zoo.train(
                recipe.pop("model"), run=tmp_path_factory.mktemp(name) / "run", registry=registry, **recipe
            )
            built[name] = Exported(run, registry)
        return built[name]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_certified_and_verified_and_answers_rows(name, exported):
    found = exported(name)
    result = pipeline.export(found.trained.run, registry=found.trained.judge.registry)
    assert {1, 2} <= set(result.certificate.batch_sizes)
    assert verify(result.path).num_examples > 0
    predictor = load(result.path)
    makes_pictures = predictor.signature.target.kind == "sample"
    inputs = predictor.latents(5, seed=1) if makes_pictures else found.trained.splits.test.inputs
    answers = predictor.answer(inputs)
    if makes_pictures:
        assert answers["image"].shape == (5, 8, 8, 1)
        assert answers["image"].dtype == np.uint8
    else:
        assert len(predictor.rows(answers)) == len(found.trained.splits.test)


def initializer(model, wanted):
    """The first constant that ``wanted`` recognises, wherever it stands."""
    for tensor in model.graph.initializer:
        if wanted(numpy_helper.to_array(tensor)):
            return tensor
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and wanted(numpy_helper.to_array(attribute.t)):
                return attribute.t
    raise AssertionError("there is no such constant")


def put(tensor, array):
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def nodes(model, kind):
    return [node for node in model.graph.node if node.op_type == kind]


def maker_of(model, name):
    return next(node for node in model.graph.node if name in node.output)


def attribute(node, name):
    return next(each for each in node.attribute if each.name == name)


def swap_padding_and_unknown(model):
    (encoder,) = [
        node for node in nodes(model, "LabelEncoder") if any(a.name == "keys_strings" for a in node.attribute)
    ]
    default = attribute(encoder, "default_int64")
    default.i = 0


def swap_two_words(model):
    (encoder,) = [
        node for node in nodes(model, "LabelEncoder") if any(a.name == "keys_strings" for a in node.attribute)
    ]
    words = attribute(encoder, "keys_strings").strings
    numbers = attribute(encoder, "values_int64s").ints
    first, second = [place for place, number in enumerate(numbers) if number in (2, 3)][:2]
    numbers[first], numbers[second] = numbers[second], numbers[first]
    assert words


def swap_labels(model):
    tensor = initializer(model, lambda array: array.dtype == object and array.ndim == 1 and len(array) >= 2)
    put(tensor, numpy_helper.to_array(tensor)[::-1])


def drop_the_reverse_direction(model):
    # The backward layer's weights are made those of the forward one.
    first, second = nodes(model, "GRU")[:2]
    second.input[1:4] = first.input[1:4]


def freeze_the_length(model):
    cells = [node for kind in ("GRU", "LSTM", "RNN") for node in nodes(model, kind)]
    cell = cells[0]
    steps = numpy_helper.from_array(np.array([5], np.int64), "frozen")
    zero = numpy_helper.from_array(np.array([0], np.int64), "frozen_start")
    axis = numpy_helper.from_array(np.array([0], np.int64), "frozen_axis")
    model.graph.initializer.extend([steps, zero, axis])
    cut = onnx.helper.make_node(
        "Slice", [cell.input[0], "frozen_start", "frozen", "frozen_axis"], ["frozen_cut"]
    )
    model.graph.node.insert(list(model.graph.node).index(cell), cut)
    cell.input[0] = "frozen_cut"


def scale_weights(model):
    tensor = max(
        model.graph.initializer,
        key=lambda each: numpy_helper.to_array(each).size if each.data_type == 1 else 0,
    )
    put(tensor, numpy_helper.to_array(tensor) * np.float32(1.01))


def lose_the_state(model):
    output = next(each for each in model.graph.output if each.name.startswith("next_state"))
    maker = next(node for node in model.graph.node if output.name in node.output)
    source = maker.output[0]
    maker.output[0] = "lost"
    zero = numpy_helper.from_array(np.array(0, np.float32), "nothing")
    model.graph.initializer.append(zero)
    model.graph.node.append(onnx.helper.make_node("Mul", ["lost", "nothing"], [source]))


def leave_the_window_out(model):
    node = maker_of(model, "values")
    while node.op_type != "Add":
        node = maker_of(model, node.input[0])
    behind = next(each for each in model.graph.node if node.output[0] in each.input)
    behind.input[list(behind.input).index(node.output[0])] = node.input[0]


def reverse_the_channels(model):
    maker = next(node for node in model.graph.node if "values" in node.output)
    maker.output[0] = "straight"
    backwards = numpy_helper.from_array(np.array([1, 0], np.int64), "backwards")
    model.graph.initializer.append(backwards)
    model.graph.node.append(onnx.helper.make_node("Gather", ["straight", "backwards"], ["values"], axis=2))


def change_a_constant(old, new):
    def mutate(model):
        tensor = initializer(
            model, lambda array: array.dtype == np.float32 and array.size == 1 and np.isclose(array, old)
        )
        array = numpy_helper.to_array(tensor)
        put(tensor, np.full(array.shape, new, np.float32))

    return mutate


def change_suppression(place, value):
    def mutate(model):
        (node,) = nodes(model, "NonMaxSuppression")
        name = f"changed_{place}"
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
        node.input[place] = name

    return mutate


def drop_the_ratio(model):
    tensor = initializer(
        model, lambda array: array.dtype == np.float32 and array.shape == (2,) and (array == 64).all()
    )
    put(tensor, np.array([96, 72], np.float32))


def change_a_threshold(model):
    maker = maker_of(model, "labels")
    while maker.op_type != "GreaterOrEqual":
        maker = maker_of(model, maker.input[0])
    name = maker.input[1]
    tensor = next((each for each in model.graph.initializer if each.name == name), None)
    if tensor is None:
        node = next(each for each in model.graph.node if name in each.output)
        tensor = attribute(node, "value").t
    put(tensor, np.array([0.97, 0.03], np.float32))


def ignore_the_label(model):
    encoder = next(node for node in nodes(model, "LabelEncoder"))
    numbers = attribute(encoder, "values_int64s").ints
    for place in range(len(numbers)):
        numbers[place] = 2


def resize_otherwise(name, value):
    def mutate(model):
        attribute(nodes(model, "Resize")[-1], name).s = value

    return mutate


def mark_the_edge_as_the_first_label(model):
    put(
        initializer(model, lambda array: array.dtype == np.uint8 and array.ndim == 0 and array == 255),
        np.uint8(0),
    )


def round_the_crop_up(model):
    # Of an odd number of pixels around it, the one more is before and not behind.
    around = maker_of(model, nodes(model, "Pad")[-1].input[1])
    around.input[1], around.input[3] = around.input[3], around.input[1]


MUTANTS = [
    ("text", swap_padding_and_unknown),
    ("text", swap_two_words),
    ("text", swap_labels),
    ("text", drop_the_reverse_direction),
    ("text", freeze_the_length),
    ("text", scale_weights),
    ("language", swap_two_words),
    ("language", lose_the_state),
    ("language", freeze_the_length),
    ("language", scale_weights),
    ("forecast", leave_the_window_out),
    ("forecast", reverse_the_channels),
    ("forecast", freeze_the_length),
    ("forecast", scale_weights),
    ("sequence", swap_labels),
    ("sequence", freeze_the_length),
    ("sequence", scale_weights),
    ("boxes", change_suppression(3, 0.2)),
    ("boxes", change_suppression(4, 0.3)),
    ("boxes", drop_the_ratio),
    ("boxes", swap_labels),
    ("boxes", scale_weights),
    ("mask", resize_otherwise("coordinate_transformation_mode", b"asymmetric")),
    ("mask", resize_otherwise("mode", b"nearest")),
    ("mask", mark_the_edge_as_the_first_label),
    ("mask", round_the_crop_up),
    ("mask", scale_weights),
    ("sample", change_a_constant(127.5, 125.0)),
    ("sample", ignore_the_label),
    ("sample", scale_weights),
    ("labels", change_a_threshold),
    ("labels", scale_weights),
    ("several", swap_labels),
    ("several", scale_weights),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mutate"), MUTANTS, ids=[f"{name}-{place}" for place, (name, _) in enumerate(MUTANTS)]
)
def test_a_tampered_file_is_refused(name, mutate, exported):
    found = exported(name)
    mutant = onnx.ModelProto()
    mutant.CopyFrom(found.model)
    mutate(mutant)
    onnxruntime.InferenceSession(mutant.SerializeToString(), providers=["CPUExecutionProvider"])
    with pytest.raises(VerificationError):
        found.certify(mutant)


@pytest.mark.slow
def test_the_untampered_model_of_each_family_is_not_refused(exported):
    for name in ("text", "language", "forecast", "sequence", "boxes", "mask", "sample", "labels", "several"):
        assert exported(name).certify(exported(name).model).num_examples > 0


@pytest.mark.slow
def test_a_language_model_goes_on_from_its_state_as_from_the_whole_text(exported, tmp_path):
    found = exported("language")
    result = pipeline.export(found.trained.run, registry=found.trained.judge.registry)
    predictor = load(result.path)
    greedy = "".join(predictor.generate("the quick ", max_tokens=12, temperature=0))
    text = "the quick "
    for expected in greedy:
        probabilities = predictor.answer({"text": np.array([text], object)})["probabilities"][0]
        vocabulary = predictor.signature.target.vocabulary
        assert vocabulary[2 + int(probabilities[2:].argmax())] == expected
        text += expected
    assert "".join(predictor.generate("the", max_tokens=9, seed=4)) == "".join(
        predictor.generate("the", max_tokens=9, seed=4)
    )


@pytest.mark.slow
def test_a_text_is_answered_alike_alone_and_beside_a_longer_one(exported):
    found = exported("text")
    session = onnxruntime.InferenceSession(
        found.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    texts = ["rain", "sun sun wind snow cloud rain sun wind", ""]
    together = session.run(["probability"], {"text": np.array(texts, object)})[0]
    alone = [session.run(["probability"], {"text": np.array([text], object)})[0][0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
def test_thresholds_are_in_the_graph(exported):
    found = exported("labels")
    target = found.trained.network.preprocessing.raw.target
    session = onnxruntime.InferenceSession(
        found.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    inputs = {name: np.asarray(column) for name, column in found.trained.splits.test.inputs.items()}
    probabilities, labels = session.run(["probabilities", "labels"], inputs)
    assert np.array_equal(labels, probabilities >= np.array(target.thresholds, np.float32))
    assert replace(target, thresholds=()).cuts == (0.5, 0.5)
