"""torchvision's detectors: they answer and learn as torchvision's own code does, and export."""

import importlib
import subprocess
import sys

import onnxruntime
import pytest
import torch
from torch import nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms

from zoo.plugin import Architecture, Batch, Boxes, DataError, Signature, TensorSpec, UsageError
from zoo_torchvision import detection, detectors, one_stage
from zoo_torchvision.detection_objective import OwnLosses, flip, torchvision_detection

ENTRIES = {(entry.kind, entry.name): entry for entry in detection.entries()}
ARCHITECTURES = {name: entry for (_, name), entry in ENTRIES.items() if isinstance(entry, Architecture)}
ONE_STAGE = sorted(name for name, entry in ARCHITECTURES.items() if not entry.unsupported)
SHAPES = Boxes(("bright", "dark"))
SSDLITE = "ssdlite320_mobilenet_v3_large"
SIDES = {"ssd300_vgg16": 288, SSDLITE: 320}


def signature_of(side, channels=3):
    return Signature(
        (TensorSpec("image", "image", "float32", (channels, side, side)),), SHAPES, SHAPES.outputs
    )


def built(name, *, side=None, channels=3, **options):
    torch.manual_seed(0)
    return getattr(detectors, name)(signature_of(side or SIDES.get(name, 96), channels), **options)


def told_apart(network):
    """Draws the heads anew and lets normalisations see a picture: scores differ, and none is saturated."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    for module in network.network.head.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    with torch.no_grad():
        network.train()(torch.randn(2, 3, *network.size))
    return network


class AsGiven(nn.Module):
    """In place of torchvision's transform: pictures come standardised and at their size."""

    def forward(self, images, targets=None):
        return ImageList(torch.stack(images), [tuple(image.shape[1:]) for image in images]), targets

    def postprocess(self, found, *sizes):
        return found


def own(network):
    """torchvision's detector, asked as torchvision is: with Zoo's thresholds, and no limit before suppression."""
    given = network.network
    given.transform = AsGiven()
    given.score_thresh, given.nms_thresh = SHAPES.score_threshold, SHAPES.iou_threshold
    given.detections_per_img, given.topk_candidates = SHAPES.max_objects, 10**6
    return given


def suppressed(class_scores, boxes, qualities):
    """What Zoo's graph does with the dense answers of one picture."""
    scores = (class_scores.sigmoid() * qualities.sigmoid().unsqueeze(-1)).sqrt()
    places, labels = torch.where(scores > SHAPES.score_threshold)
    scores, boxes = scores[places, labels], boxes[places]
    kept = batched_nms(boxes, scores, labels, SHAPES.iou_threshold)[: SHAPES.max_objects]
    return boxes[kept], labels[kept], scores[kept]


def truth():
    labels = torch.tensor([[0, 1], [1, -1]])
    boxes = torch.tensor([[[4, 8, 40, 60], [50, 40, 90, 92]], [[20, 10, 80, 70], [0, 0, 0, 0]]]).float()
    return labels, boxes


def as_torchvision_wants(network, labels, boxes):
    return [
        {"labels": own_labels[own_labels >= 0] + network.num_backgrounds, "boxes": own_boxes[own_labels >= 0]}
        for own_labels, own_boxes in zip(labels, boxes, strict=True)
    ]


def test_registration_does_not_import_torch():
    code = "import sys, zoo_torchvision.detection as d; d.entries(); print([n for n in ('torch', 'torchvision') if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_detector_of_torchvision_is_listed_and_two_stages_are_refused_with_the_reason():
    from torchvision import models

    assert set(ARCHITECTURES) == set(models.list_models(models.detection))
    assert ONE_STAGE == [
        "fcos_resnet50_fpn",
        "retinanet_resnet50_fpn",
        "retinanet_resnet50_fpn_v2",
        "ssd300_vgg16",
        "ssdlite320_mobilenet_v3_large",
    ]
    assert "masks" in ARCHITECTURES["maskrcnn_resnet50_fpn"].unsupported
    assert "second stage" in ARCHITECTURES["fasterrcnn_resnet50_fpn"].unsupported


def test_every_entry_that_can_be_used_names_a_factory_that_exists():
    for entry in ENTRIES.values():
        module, attribute = entry.factory.split(":")
        if not entry.unsupported:
            assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fcos_resnet50_fpn", "retinanet_resnet50_fpn", SSDLITE])
def test_dense_answers_after_suppression_are_the_objects_that_torchvision_finds(name):
    network = told_apart(built(name)).eval().double()
    pictures = torch.randn(2, 3, *network.size, dtype=torch.float64)
    with torch.no_grad():
        class_scores, boxes, qualities = network(pictures)
        expected = own(network)([*pictures])
    for place in range(2):
        found = suppressed(class_scores[place], boxes[place], qualities[place])
        assert len(found[0]) == len(expected[place]["boxes"]) > 5
        torch.testing.assert_close(found[2], expected[place]["scores"], rtol=0, atol=1e-9)
        # SSD's default boxes are laid in float32 here, in the precision of the features there.
        torch.testing.assert_close(found[0], expected[place]["boxes"], rtol=0, atol=1e-4)
        assert torch.equal(found[1] + network.num_backgrounds, expected[place]["labels"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["fcos_resnet50_fpn", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", SSDLITE]
)
def test_the_mean_of_the_values_is_the_sum_of_the_losses_of_torchvision(name):
    network = built(name, side=SIDES.get(name, 128))
    pictures, (labels, boxes) = torch.randn(2, 3, *network.size), truth()
    torch.manual_seed(1)
    values, weights = OwnLosses()(*network(pictures, labels, boxes))
    torch.manual_seed(1)
    expected = own(network)([*pictures], as_torchvision_wants(network, labels, boxes))
    assert values.shape == weights.shape == (2,)
    torch.testing.assert_close((values * weights).sum() / weights.sum(), sum(expected.values()))


def test_a_picture_without_objects_is_learned_from_and_counts_as_one_place():
    network = built(SSDLITE)
    labels, boxes = torch.full((2, 0), -1), torch.zeros(2, 0, 4)
    parts, weights = network(torch.randn(2, 3, *network.size), labels, boxes)
    assert weights.tolist() == [1, 1]
    assert all(part.isfinite().all() for part in parts.values())


def test_log_odds_are_those_of_the_softmax_where_it_rounds_to_one_too():
    logits = torch.tensor([[2.0, -1.0, 0.5], [40.0, 0.0, -3.0]])
    probabilities = logits.double().softmax(-1)
    expected = probabilities.log() - (1 - probabilities).log()
    torch.testing.assert_close(one_stage.log_odds(logits)[0], expected[0].float())
    sure = torch.tensor(40.0).double() - torch.tensor([0.0, -3.0]).double().logsumexp(0)
    torch.testing.assert_close(one_stage.log_odds(logits)[1, 0], sure.float())


def test_the_score_of_a_box_is_the_probability_of_its_class():
    logits = torch.linspace(-12, 12, 97, dtype=torch.float64).view(1, -1, 1)
    class_scores, qualities = one_stage.as_scores(logits)
    scores = (class_scores.sigmoid() * qualities.sigmoid().unsqueeze(-1)).sqrt()
    torch.testing.assert_close(scores, logits.sigmoid(), rtol=1e-12, atol=0)


def test_a_grey_picture_is_one_of_three_equal_channels():
    grey, coloured = built(SSDLITE, channels=1).eval(), built(SSDLITE).eval()
    picture = torch.randn(1, 1, 320, 320)
    with torch.no_grad():
        assert torch.equal(grey(picture)[0], coloured(picture.expand(-1, 3, -1, -1))[0])


def test_a_flip_mirrors_pictures_and_boxes():
    pictures, (_, boxes) = torch.arange(2 * 3 * 4 * 100.0).view(2, 3, 4, 100), truth()
    flipped, mirrored = flip(pictures, boxes, 1.0)
    assert torch.equal(flipped, pictures.flip(3))
    assert mirrored[0, 0].tolist() == [60, 8, 96, 60]
    assert torch.equal(flip(*flip(pictures, boxes, 1.0), 1.0)[1], boxes)
    assert torch.equal(flip(pictures, boxes, 0.0)[1], boxes)


def test_boxes_may_weigh_more_than_classes():
    parts = {"classification": torch.tensor([1.0, 2.0]), "bbox_regression": torch.tensor([10.0, 20.0])}
    values, weights = OwnLosses(box_weight=3.0)(parts, torch.tensor([4.0, 5.0]))
    assert values.tolist() == [31.0, 62.0]
    assert weights.tolist() == [4.0, 5.0]


def test_another_loss_is_refused_with_the_one_that_fits():
    batch = Batch((torch.zeros(2, 3, 64, 64),), truth())
    with pytest.raises(UsageError) as refusal:
        next(torchvision_detection({"model": nn.Identity()}, batch, nn.MSELoss()))
    assert "not by MSELoss" in str(refusal.value)
    assert "loss=torchvision-detection" in refusal.value.fix


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(
        DataError, match="ssd300_vgg16 needs pictures of at least 288 x 288 pixels, not 64 x 64"
    ):
        built("ssd300_vgg16", side=64)


def test_pictures_of_four_channels_are_refused():
    with pytest.raises(DataError, match="1 or 3 channels, not 4"):
        built(SSDLITE, channels=4)


def test_layers_that_nobody_trained_are_not_frozen():
    with pytest.raises(UsageError, match="trainable_layers=2"):
        built(SSDLITE, trainable_layers=2)


def test_a_network_that_is_pretrained_begins_anew_only_with_what_tells_classes(monkeypatch):
    source = {}

    def saved(self, **kwargs):
        return source["weights"]

    from torchvision.models import get_model, get_model_weights

    torch.manual_seed(1)
    source["weights"] = get_model(SSDLITE, weights=None, weights_backbone=None).state_dict()
    monkeypatch.setattr(type(get_model_weights(SSDLITE).DEFAULT), "get_state_dict", saved)
    own_weights = built(SSDLITE, pretrained=True).network.state_dict()
    anew = [
        name
        for name, each in source["weights"].items()
        if each.shape != own_weights[name].shape or not torch.equal(each, own_weights[name])
    ]
    assert anew
    assert all(name.startswith("head.classification_head") for name in anew)


def test_a_backbone_begins_with_the_weights_that_its_constants_are_made_for():
    assert detectors.backbone_weights("ssd300_vgg16").name == "IMAGENET1K_FEATURES"
    assert detectors.backbone_weights("fcos_resnet50_fpn").name == "IMAGENET1K_V1"
    assert detectors.backbone_weights("retinanet_resnet50_fpn_v2") == "DEFAULT"


@pytest.mark.slow
def test_the_exported_network_gives_the_same_answers_at_any_batch_size(tmp_path):
    network = told_apart(built(SSDLITE, side=96)).eval()
    torch.onnx.export(
        network,
        (torch.randn(2, 3, 96, 96),),
        tmp_path / "network.onnx",
        input_names=["image"],
        output_names=[spec.name for spec in SHAPES.outputs],
        dynamic_shapes=({0: "batch"},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for num_pictures in (1, 2, 5):
        pictures = torch.randn(num_pictures, 3, 96, 96)
        with torch.no_grad():
            expected = network(pictures)
        for given, each in zip(session.run(None, {"image": pictures.numpy()}), expected, strict=True):
            # Of the output's scale: a box that begins near 0 has no relative error of its own.
            assert (torch.from_numpy(given) - each).abs().max() <= 1e-3 * each.abs().max()


@pytest.mark.slow
def test_two_pictures_are_learned():
    network = built(SSDLITE, side=128)
    torch.manual_seed(0)
    pictures, (labels, boxes) = torch.randn(2, 3, 128, 128) * 0.1, truth()
    for place, own_labels in enumerate(labels):
        for label, box in zip(own_labels, boxes[place].int().tolist(), strict=True):
            left, top, right, bottom = box
            pictures[place, :, top:bottom, left:right] += 1 - 2 * label
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    costs = []
    for _ in range(12):
        (turn,) = torchvision_detection(
            {"model": network}, Batch((pictures,), (labels, boxes)), OwnLosses(), horizontal_flip=0.0
        )
        values, weights = turn.loss
        cost = (values * weights).sum() / weights.sum()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        costs.append(cost.item())
    assert costs[-1] < 0.7 * costs[0]
