"""The detector's objective: how it asks the network, and that it learns."""

import pytest
import torch

from zoo.plugin import Batch, Boxes, Signature, TensorSpec
from zoo_convolutional.detection import detection
from zoo_convolutional.detection_loss import FocalGIoU, generalised_iou
from zoo_convolutional.detector import Detector

SHAPES = Boxes(("bright", "dark"))
PLAIN = {"horizontal_flip": 0.0, "vertical_flip": 0.0, "scale": 0.0, "colour": 0.0}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def network():
    signature = Signature((TensorSpec("image", "image", "float32", (1, 64, 64)),), SHAPES, SHAPES.outputs)
    return Detector(signature, width=32, depth=1)


def drawn(pictures):
    """A batch of 64 x 64 noise with a rectangle for each ``(label, left, top, right, bottom)``."""
    most = max(map(len, pictures))
    images = torch.randn(len(pictures), 1, 64, 64) * 0.1
    labels = torch.full((len(pictures), most), -1)
    boxes = torch.zeros(len(pictures), most, 4)
    for picture, objects in enumerate(pictures):
        for place, (label, *box) in enumerate(objects):
            left, top, right, bottom = box
            images[picture, 0, top:bottom, left:right] += 2 if label == 0 else -2
            labels[picture, place], boxes[picture, place] = label, torch.tensor(box).float()
    return Batch((images,), (labels, boxes))


def four_pictures():
    return drawn(
        [
            [(0, 4, 8, 24, 30), (1, 36, 30, 60, 60)],
            [(1, 10, 12, 40, 36)],
            [(0, 30, 4, 62, 34)],
            [(1, 2, 36, 22, 60), (0, 30, 20, 56, 50)],
        ]
    )


def cost_of(loss):
    values, weights = loss
    return (values * weights).sum(), weights.sum()


def listen(network):
    asked = []
    network.register_forward_pre_hook(lambda _, given: asked.append(given[0]))
    return asked


def test_evaluation_asks_the_network_once_with_the_pictures_as_they_came(network):
    asked = listen(network.eval())
    batch = four_pictures()
    with torch.no_grad():
        (turn,) = detection({"model": network}, batch, FocalGIoU(), vertical_flip=1.0)
    assert turn.player == "model"
    assert len(asked) == 1
    assert asked[0] is batch.inputs[0]
    assert [part.shape for part in turn.loss] == [(4,), (4,)]


def test_evaluation_changes_nothing_and_gives_the_same_cost_twice(network):
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = four_pictures()
    with torch.no_grad():
        costs = [next(iter(detection({"model": network}, batch, FocalGIoU()))).loss for _ in range(2)]
    assert torch.equal(costs[0][0], costs[1][0])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_training_changes_the_pictures_and_the_random_state_decides_how(network):
    asked = listen(network)
    batch = four_pictures()
    for random_state in (1, 1, 2):
        torch.manual_seed(random_state)
        next(iter(detection({"model": network}, batch, FocalGIoU(), vertical_flip=0.5)))
    assert torch.equal(asked[0], asked[1])
    assert not torch.equal(asked[0], asked[2])
    assert not torch.equal(asked[0], batch.inputs[0])


def test_a_flip_alone_is_a_flip_of_the_pictures_that_were_given(network):
    asked = listen(network)
    batch = four_pictures()
    next(iter(detection({"model": network}, batch, FocalGIoU(), **{**PLAIN, "horizontal_flip": 1.0})))
    assert torch.equal(asked[0], batch.inputs[0].flip(3))


def test_without_augmentation_training_sees_the_pictures_as_they_are(network):
    asked = listen(network)
    batch = four_pictures()
    next(iter(detection({"model": network}, batch, FocalGIoU(), **PLAIN)))
    assert torch.equal(asked[0], batch.inputs[0])


def test_pictures_without_boxes_are_learned_from_too(network):
    for batch in (
        drawn([[], []]),
        Batch((torch.randn(2, 1, 64, 64),), (torch.full((2, 3), -1), torch.zeros(2, 3, 4))),
    ):
        (turn,) = detection({"model": network}, batch, FocalGIoU())
        total, count = cost_of(turn.loss)
        total.backward()
        assert count.item() == 2
        assert total.isfinite()
        assert network.class_head[-1].bias.grad.min() > 0


def test_the_cost_and_its_gradient_do_not_depend_on_how_the_batch_is_cut(network):
    network.double().eval()
    batch = drawn(
        [[(0, 4, 8, 24, 30), (1, 36, 30, 60, 60)], [], [(1, 10, 12, 40, 36)], [], [(0, 9, 9, 50, 50)]]
    )
    pictures, (labels, boxes) = batch.inputs[0].double(), batch.target
    results = []
    for cuts in ([5], [2, 3], [1, 1, 1, 2]):
        network.zero_grad()
        total, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        parts = zip(pictures.split(cuts), labels.split(cuts), boxes.split(cuts), strict=True)
        for some_pictures, some_labels, some_boxes in parts:
            micro_batch = Batch((some_pictures,), (some_labels, some_boxes))
            (turn,) = detection({"model": network}, micro_batch, FocalGIoU())
            part, part_count = cost_of(turn.loss)
            part.backward()
            total, count = total + part.detach(), count + part_count
        gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()]) / count
        results.append((total / count, gradient))
    for cost, gradient in results[1:]:
        torch.testing.assert_close(cost, results[0][0], rtol=1e-10, atol=0)
        torch.testing.assert_close(gradient, results[0][1], rtol=1e-7, atol=1e-10)


def test_the_cost_is_averaged_over_the_locations_with_objects_of_the_whole_batch(network):
    network.eval()
    batch = four_pictures()
    with torch.no_grad():
        (turn,) = detection({"model": network}, batch, FocalGIoU())
    values, weights = turn.loss
    # A 3 x 3 neighbourhood at most answers for an object, and the smallest has some inside.
    assert (weights >= 1).all()
    assert (weights <= 9 * torch.tensor([2, 1, 1, 2])).all()
    assert values.isfinite().all()


@pytest.mark.slow
def test_four_pictures_are_learned_by_heart(network):
    batch = four_pictures()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(120):
        (turn,) = detection({"model": network}, batch, FocalGIoU(), **PLAIN)
        total, count = cost_of(turn.loss)
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    with torch.no_grad():
        scores, boxes, qualities = network.eval()(batch.inputs[0])
    probabilities = (scores.sigmoid() * qualities.sigmoid().unsqueeze(-1)).sqrt()
    labels, truth = batch.target
    for picture in range(4):
        present = labels[picture][labels[picture] >= 0].tolist()
        for label in range(2):
            best = probabilities[picture, :, label].argmax()
            if label in present:
                own = truth[picture, present.index(label)]
                assert probabilities[picture, best, label] > 0.6
                assert generalised_iou(boxes[picture, best], own) > 0.7
            else:
                assert probabilities[picture, :, label].max() < 0.3
