"""Broken exports: every one is refused with exit code 8, and no file is written."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from torch import nn

from zoo.errors import VerificationError


def node(model, op_type, index=0, stage="network"):
    return [n for n in model.graph.node if n.op_type == op_type and n.output[0].startswith(stage)][index]


def constant(model, op_type, stage, position=1, index=0):
    """The tensor that a node takes as its input at `position`."""
    name = node(model, op_type, index, stage).input[position]
    return next(n for n in model.graph.node if n.output[0] == name).attribute[0].t


def initializer(model, suffix):
    return next(tensor for tensor in model.graph.initializer if tensor.name.endswith(suffix))


def change(tensor, function):
    tensor.CopyFrom(numpy_helper.from_array(function(numpy_helper.to_array(tensor).copy()), tensor.name))


def bypass(model, broken):
    broken.CopyFrom(helper.make_node("Identity", broken.input[:1], broken.output))
    return model


def insert_before(model, target, made, constants):
    """Puts nodes between a node and its first input; they start from ``"source"`` and end in ``"inserted"``."""
    source = target.input[0]
    for each in made:
        each.input[:] = [source if name == "source" else name for name in each.input]
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(v), name) for name, v in constants.items()
    )
    place = list(model.graph.node).index(target)
    for offset, each in enumerate(made):
        model.graph.node.insert(place + offset, each)
    target.input[0] = "inserted"
    return model


def skip_a_layer(model):
    return bypass(model, node(model, "Gemm"))


def remove_an_activation(model):
    return bypass(model, node(model, "Relu", 1))


def remove_the_first_activation(model):
    return bypass(model, node(model, "Relu"))


def transpose_a_square_weight(model):
    change(initializer(model, "square.weight"), lambda weight: np.ascontiguousarray(weight.T))
    return model


def drop_a_bias(model):
    change(initializer(model, "square.bias"), np.zeros_like)
    return model


def change_one_weight_a_little(model):
    def nudge(weight):
        weight[0, 0] += 1e-3
        return weight

    change(initializer(model, "head.weight"), nudge)
    return model


def round_weights_to_half_precision(model):
    change(initializer(model, "square.weight"), lambda weight: weight.astype(np.float16).astype(np.float32))
    return model


def swap_two_classes_of_the_head(model):
    for name in ("head.weight", "head.bias"):
        change(initializer(model, name), lambda values: values[[1, 0, 2]])
    return model


def dropout_in_train_mode(model):
    made = [helper.make_node("Dropout", ["source", "ratio", "training"], ["inserted"])]
    return insert_before(model, node(model, "Gemm", 1), made, {"ratio": np.float32(0.5), "training": True})


def dropout_spelled_out(model):
    """What a uniform draw below one half keeps, in a graph that check_form would pass if it were not random."""
    made = [
        helper.make_node("RandomUniformLike", ["source"], ["draw"]),
        helper.make_node("Less", ["draw", "ratio"], ["kept"]),
        helper.make_node("Where", ["kept", "source", "nothing"], ["inserted"]),
    ]
    constants = {"ratio": np.float32(0.5), "nothing": np.float32(0)}
    return insert_before(model, node(model, "Gemm", 1), made, constants)


def wrong_mean_of_the_pixels(model):
    change(constant(model, "Sub", "preprocessing/scale"), lambda mean: (mean + 0.5).astype(mean.dtype))
    return model


def wrong_deviation_of_the_pixels(model):
    change(constant(model, "Mul", "preprocessing/scale"), lambda scale: (scale * 1.001).astype(scale.dtype))
    return model


def swap_colour_channels(model):
    change(
        constant(model, "Sub", "preprocessing/scale"), lambda mean: mean.reshape(-1)[::-1].reshape(mean.shape)
    )
    return model


def _resize(model, **attributes):
    resize = node(model, "Resize", 0, "preprocessing")
    for name, value in attributes.items():
        kept = [each for each in resize.attribute if each.name != name]
        del resize.attribute[:]
        resize.attribute.extend([*kept, helper.make_attribute(name, value)])
    return model


def resize_without_antialias(model):
    return _resize(model, antialias=0, exclude_outside=0)


def resize_by_the_nearest_pixel(model):
    return _resize(model, mode="nearest", antialias=0, exclude_outside=0)


def resize_to_another_size(model):
    name = node(model, "Resize", 0, "preprocessing").input[3]
    tensor = next(n for n in model.graph.node if n.output[0] == name).attribute[0].t
    change(tensor, lambda size: size + 4)
    return model


def swap_labels(model):
    change(constant(model, "Gather", "postprocessing", 0), lambda labels: labels[[0, 2, 1]])
    return model


def answer_with_the_least_likely_label(model):
    best = node(model, "ArgMax", 0, "postprocessing")
    best.CopyFrom(helper.make_node("ArgMin", best.input, best.output, axis=1, keepdims=0))
    return model


def give_logarithms_for_probabilities(model):
    node(model, "Softmax", 0, "postprocessing").op_type = "LogSoftmax"
    return model


def freeze_the_batch_in_the_graph(model):
    change(initializer(model, "val_16"), lambda shape: np.array([2, 3]))
    return model


def freeze_the_batch_in_the_interface(model):
    axis = model.graph.input[0].type.tensor_type.shape.dim[0]
    axis.ClearField("dim_param")
    axis.dim_value = 2
    return model


def give_the_first_answer_to_the_whole_batch(model):
    """Right at batch size 1, wrong at every other."""
    made = [
        helper.make_node("Slice", ["source", "zero", "one", "zero"], ["first"]),
        helper.make_node("Shape", ["source"], ["shape"]),
        helper.make_node("Expand", ["first", "shape"], ["inserted"]),
    ]
    return insert_before(model, node(model, "Gemm", 1), made, {"zero": [0], "one": [1]})


IMAGE_MUTANTS = [
    skip_a_layer,
    remove_an_activation,
    remove_the_first_activation,
    transpose_a_square_weight,
    drop_a_bias,
    change_one_weight_a_little,
    round_weights_to_half_precision,
    swap_two_classes_of_the_head,
    dropout_in_train_mode,
    dropout_spelled_out,
    wrong_mean_of_the_pixels,
    wrong_deviation_of_the_pixels,
    swap_colour_channels,
    resize_without_antialias,
    resize_by_the_nearest_pixel,
    resize_to_another_size,
    swap_labels,
    answer_with_the_least_likely_label,
    give_logarithms_for_probabilities,
    freeze_the_batch_in_the_graph,
    freeze_the_batch_in_the_interface,
    give_the_first_answer_to_the_whole_batch,
]


def permute_the_columns(model):
    first, second = node(model, "Unsqueeze", 0, "preprocessing"), node(model, "Unsqueeze", 1, "preprocessing")
    first.input[0], second.input[0] = second.input[0], first.input[0]
    return model


def impute_another_mean(model):
    change(constant(model, "Where", "preprocessing"), lambda means: means + 1e-2)
    return model


def number_an_unseen_category_as_missing(model):
    encoder = node(model, "LabelEncoder", 0, "preprocessing")
    next(each for each in encoder.attribute if each.name == "default_int64").i = 0
    return model


def exchange_two_categories(model):
    keys = next(
        a for a in node(model, "LabelEncoder", 0, "preprocessing").attribute if a.name == "keys_strings"
    )
    keys.strings[1], keys.strings[2] = keys.strings[2], keys.strings[1]
    return model


def values_with_a_wrong_deviation(model):
    change(constant(model, "Mul", "postprocessing"), lambda std: std * np.array([1.0, 1.0001]))
    return model


def values_with_a_wrong_mean(model):
    change(constant(model, "Add", "postprocessing"), lambda mean: mean + np.array([0.0, 0.01]))
    return model


def values_left_standardised(model):
    for op_type in ("Mul", "Add"):
        bypass(model, node(model, op_type, 0, "postprocessing"))
    return model


TABLE_MUTANTS = [
    permute_the_columns,
    impute_another_mean,
    number_an_unseen_category_as_missing,
    exchange_two_categories,
    values_with_a_wrong_deviation,
    values_with_a_wrong_mean,
    values_left_standardised,
]


def assert_refused(export, trained, run, **how):
    older = run.model_path
    older.write_bytes(b"an older model")
    with pytest.raises(VerificationError) as caught:
        export(trained, **how)
    assert caught.value.exit_code == 8
    assert caught.value.fix
    assert older.read_bytes() == b"an older model"
    assert [path.name for path in run.path.iterdir()] == ["model.onnx"]
    return caught.value.message


@pytest.mark.parametrize("mutate", IMAGE_MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_broken_export_of_an_image_network_is_refused(export, networks, run, mutate):
    assert_refused(export, networks.image(), run, mutate=mutate)


@pytest.mark.parametrize("mutate", TABLE_MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_broken_export_of_a_table_network_is_refused(export, networks, run, mutate):
    assert_refused(export, networks.table(), run, mutate=mutate)


def test_a_network_exported_with_batch_norm_in_train_mode_is_refused(export, networks, run):
    class Batchwise(nn.BatchNorm2d):
        def forward(self, x):
            mean = x.mean((0, 2, 3), keepdim=True)
            deviation = (x.var((0, 2, 3), keepdim=True, unbiased=False) + self.eps).sqrt()
            return (x - mean) / deviation * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)

    trained = networks.image()
    module = type(trained.network.module)(3, (3,)).eval()
    module.features[1] = Batchwise(4)
    module.load_state_dict(trained.network.module.state_dict())
    assert_refused(export, trained, run, module=module)


def test_weights_of_another_checkpoint_are_refused(export, networks, run):
    other = networks.image()
    for parameter in other.network.module.parameters():
        parameter.data *= 1.01
    assert_refused(export, networks.image(), run, module=other.network.module)


@pytest.mark.parametrize(
    "mutate", [skip_a_layer, drop_a_bias, wrong_mean_of_the_pixels, transpose_a_square_weight]
)
def test_pictures_of_one_grey_do_not_hide_a_fault(export, networks, run, mutate):
    grey = np.full((40, 8, 8, 3), 128, np.uint8)
    assert_refused(export, networks.image(test=grey), run, mutate=mutate)


def test_saturated_probabilities_do_not_hide_a_fault(export, networks, run):
    trained = networks.image(networks.BINARY)
    trained.network.module.head.bias.data += 60.0

    def add_a_little(model):
        change(initializer(model, "head.bias"), lambda bias: (bias + 0.01).astype(bias.dtype))
        return model

    message = assert_refused(export, trained, run, mutate=add_a_little)
    assert "scores of" in message


def test_the_message_says_which_output_example_and_batch_size_with_error_and_tolerance(export, networks, run):
    message = assert_refused(export, networks.image(), run, mutate=drop_a_bias)
    assert message.startswith("the exported model is not the trained network: scores of test.csv:")
    assert ", at batch size 256: value " in message
    assert ": error " in message
    assert ", tolerance " in message


def test_a_fault_of_small_batches_names_the_batch_size(export, networks, run):
    def shift_batches_of_two(model):
        made = [
            helper.make_node("Shape", ["source"], ["batch"], start=0, end=1),
            helper.make_node("Equal", ["batch", "two"], ["is_two"]),
            helper.make_node("Cast", ["is_two"], ["one"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Add", ["source", "one"], ["inserted"]),
        ]
        return insert_before(model, node(model, "Gemm", 1), made, {"two": [2]})

    assert "at batch size 2:" in assert_refused(export, networks.image(), run, mutate=shift_batches_of_two)


def test_a_batch_that_onnx_runtime_cannot_run_is_named(export, networks, run):
    message = assert_refused(export, networks.image(), run, mutate=freeze_the_batch_in_the_graph)
    assert "it fails on a batch of " in message


def test_a_network_that_ignores_its_input_is_refused(export, networks, run):
    trained = networks.image()
    trained.network.module.head.weight.data.zero_()
    message = assert_refused(export, trained, run)
    assert "the network gives the same scores for all 72 examples" in message


def test_a_network_that_is_random_in_eval_mode_is_refused(export, networks, run):
    class Random(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, image):
            return nn.functional.dropout(self.inner(image), 0.5, training=True)

    trained = networks.image()
    object.__setattr__(trained.network, "module", Random(trained.network.module).eval())
    assert "between float32 and float64" in assert_refused(
        export, trained, run, module=trained.network.module.inner
    )


def test_a_network_that_answers_nan_is_refused(export, networks, run):
    trained = networks.image()
    trained.network.module.head.bias.data[0] = float("nan")
    assert "nothing can be proved" in assert_refused(export, trained, run)
