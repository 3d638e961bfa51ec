"""The detector's network: what it emits, what it refuses, and that it exports."""

import onnxruntime
import pytest
import torch

from zoo.plugin import Boxes, DataError, Signature, TensorSpec, UsageError
from zoo_convolutional.detector import Detector

CELLS = Boxes(("platelet", "red", "white"))


def signature_of_boxes(shape):
    return Signature((TensorSpec("image", "image", "float32", shape),), CELLS, CELLS.outputs)


def small_detector(shape=(3, 48, 64), **options):
    return Detector(signature_of_boxes(shape), **{"width": 16, "depth": 1, **options})


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("strides", [(8,), (4,), (32,), (8, 16, 32), (4, 16)], ids=str)
@pytest.mark.parametrize("shape", [(3, 48, 64), (1, 32, 32), (3, 50, 77)], ids=str)
def test_every_location_has_scores_a_box_and_a_quality(strides, shape):
    network = small_detector(shape, strides=strides)
    scores, boxes, qualities = network(torch.randn(2, *shape))
    num_locations = len(network.locations(*shape[1:]).strides)
    assert scores.shape == (2, num_locations, 3)
    assert boxes.shape == (2, num_locations, 4)
    assert qualities.shape == (2, num_locations)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet50"])
def test_the_stages_of_a_resnet_are_a_backbone(backbone):
    network = Detector(signature_of_boxes((3, 64, 64)), backbone=backbone, strides=(8, 16, 32), width=16)
    scores, boxes, _ = network.eval()(torch.randn(1, 3, 64, 64))
    assert scores.shape == (1, 64 + 16 + 4, 3)
    assert boxes.isfinite().all()


def test_boxes_lie_around_their_locations_by_strides_at_first():
    network = small_detector((3, 64, 64), strides=(8, 16)).eval()
    torch.nn.init.zeros_(network.box_head[-1].weight)
    _, boxes, _ = network(torch.randn(1, 3, 64, 64))
    locations = network.locations(64, 64)
    reach = locations.strides.unsqueeze(1)
    torch.testing.assert_close(boxes[0], torch.cat([locations.centres - reach, locations.centres + reach], 1))


def test_what_the_box_head_tells_is_the_logarithm_of_distances_in_strides():
    network = small_detector().eval()
    torch.nn.init.zeros_(network.box_head[-1].weight)
    distances = torch.tensor([1.0, 2.0, 3.0, 0.5])
    with torch.no_grad():
        network.box_head[-1].bias.copy_(torch.cat([distances.log(), torch.tensor([0.7])]))
        _, boxes, qualities = network(torch.randn(1, 3, 48, 64))
    # The first location of stride 8 is at (4, 4).
    torch.testing.assert_close(boxes[0, 0], torch.tensor([4 - 8.0, 4 - 16.0, 4 + 24.0, 4 + 4.0]))
    torch.testing.assert_close(qualities, torch.full_like(qualities, 0.7))


def test_answers_stand_in_the_order_of_the_locations():
    network = small_detector((3, 64, 96), depth=0).eval()
    # Without what the coarser levels know, a location sees its own surroundings alone.
    for lateral in network.pyramid.lateral[1:]:
        torch.nn.init.zeros_(lateral.weight)
    pictures = torch.randn(8, 3, 64, 96, requires_grad=True)
    scores, _, _ = network(pictures)
    row, column = 3, 7
    scores[:, row * 12 + column].sum().backward()
    strength = pictures.grad.abs().sum((0, 1))
    y = (strength.sum(1) * (torch.arange(64) + 0.5)).sum() / strength.sum()
    x = (strength.sum(0) * (torch.arange(96) + 0.5)).sum() / strength.sum()
    expected = network.locations(64, 96).centres[row * 12 + column].tolist()
    assert expected == [60, 28]
    assert [x.item(), y.item()] == pytest.approx(expected, abs=4)


def test_every_class_starts_as_likely_as_the_prior_says():
    scores, _, _ = small_detector(prior=0.05)(torch.randn(2, 3, 48, 64))
    assert scores.sigmoid().mean().item() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("strides", [(8,), (8, 16, 32)], ids=str)
def test_gradients_reach_every_parameter(strides):
    network = small_detector(strides=strides)
    scores, boxes, qualities = network(torch.randn(4, 3, 48, 64))
    (scores.square().sum() + boxes.square().sum() + qualities.square().sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_picture_has_the_same_answers_alone_and_in_a_batch_in_double_precision():
    network = small_detector().double()
    pictures = torch.randn(4, 3, 48, 64, dtype=torch.float64)
    network(pictures)
    network.eval()
    for alone, together in zip(network(pictures[:1]), network(pictures), strict=True):
        assert alone.dtype == torch.float64
        torch.testing.assert_close(alone, together[:1], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message", "fix"),
    [
        ({"strides": (8, 12)}, "option 'strides' of the detector is [8, 12]", "model.strides=[8]"),
        ({"strides": (16, 8)}, "ascending", "model.strides=[8]"),
        ({"strides": ()}, "one or more of 4, 8, 16 and 32", "model.strides=[8]"),
        ({"width": 100}, "option 'width' of the detector is 100", "model.width=96 or model.width=104"),
    ],
)
def test_options_that_make_no_network_are_refused_with_those_that_do(options, message, fix):
    with pytest.raises(UsageError) as refusal:
        small_detector(**options)
    assert message in str(refusal.value)
    assert fix in refusal.value.fix


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(DataError, match="detector needs pictures of at least 32 x 32 pixels, not 31 x 64"):
        small_detector((3, 31, 64))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "options"),
    [((3, 48, 64), {}), ((1, 50, 77), {"strides": (8, 16, 32)}), ((3, 64, 64), {"backbone": "resnet18"})],
    ids=["one level", "three levels, odd sides", "resnet18"],
)
def test_the_exported_network_gives_the_same_answers_at_any_batch_size(shape, options, tmp_path):
    network = small_detector(shape, **options)
    network(torch.randn(8, *shape))
    network.eval()
    torch.onnx.export(
        network,
        (torch.randn(2, *shape),),
        tmp_path / "network.onnx",
        input_names=["image"],
        output_names=[spec.name for spec in CELLS.outputs],
        dynamic_shapes=({0: "batch"},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_pictures in (1, 2, 5):
        pictures = torch.randn(num_pictures, *shape)
        exported = session.run(None, {"image": pictures.numpy()})
        for given, expected in zip(exported, network(pictures), strict=True):
            torch.testing.assert_close(torch.from_numpy(given), expected.detach(), rtol=1e-4, atol=1e-4)
