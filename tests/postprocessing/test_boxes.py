"""The graph against an independent implementation: torchvision's operators, where they can be imported."""

import numpy as np
import pytest
import spox
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms

from zoo.contracts.targets import Boxes
from zoo.exporting.detections import detections
from zoo.postprocessing import boxes as graph
from zoo.preprocessing.graphs import build as build_graph
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.image import GIVEN_SIZE, RATIO

TARGET = Boxes(("cat", "dog", "owl"), max_objects=20)
OUTPUTS = ("boxes", "labels", "scores", "num_objects")


@pytest.fixture(scope="module")
def session():
    def tensor(*shape):
        return spox.argument(spox.Tensor(np.float32, ("batch", *shape)))

    scores = {"class_scores": tensor("n", 3), "location_boxes": tensor("n", 4), "qualities": tensor("n")}
    carried = {RATIO: tensor(2), GIVEN_SIZE: tensor(2)}
    return open_session(build_graph({**scores, **carried}, graph.answers(TARGET, scores, carried, {})))


def dense(seed, batch, locations, spread=2.0):
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 80, (batch, locations, 2))
    boxes = np.concatenate([corners, corners + random.uniform(4, 40, (batch, locations, 2))], axis=2)
    return {
        "class_scores": random.normal(-1, spread, (batch, locations, 3)).astype(np.float32),
        "location_boxes": boxes.astype(np.float32),
        "qualities": random.normal(0, 1, (batch, locations)).astype(np.float32),
    }


def carried(batch, ratio=(2.0, 1.5), size=(200.0, 150.0)):
    return {
        RATIO: np.tile(np.array(ratio, np.float32), (batch, 1)),
        GIVEN_SIZE: np.tile(np.array(size, np.float32), (batch, 1)),
    }


def by_torchvision(scores, around, place):
    """Boxes, labels and scores of one picture."""
    joint = torch.tensor(scores["class_scores"][place]).sigmoid()
    joint = (joint * torch.tensor(scores["qualities"][place]).sigmoid()[:, None]).sqrt()
    where, label = torch.nonzero(joint > TARGET.score_threshold, as_tuple=True)
    boxes = torch.tensor(scores["location_boxes"][place])[where]
    kept = batched_nms(boxes, joint[where, label], label, TARGET.iou_threshold)[: TARGET.max_objects]
    scaled = boxes[kept] * torch.tensor(around[RATIO][place]).repeat(2)
    width, height = around[GIVEN_SIZE][place]
    limits = torch.tensor([width, height, width, height])
    return (
        scaled.clamp(min=0).minimum(limits),
        [TARGET.labels[k] for k in label[kept]],
        joint[where, label][kept],
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 3), locations=st.integers(1, 60))
def test_the_graph_answers_as_torchvision_does(session, seed, batch, locations):
    scores, around = dense(seed, batch, locations), carried(batch)
    found = dict(zip(OUTPUTS, session.run(OUTPUTS, {**scores, **around}), strict=True))
    for place in range(batch):
        boxes, labels, values = by_torchvision(scores, around, place)
        count = int(found["num_objects"][place])
        assert count == len(labels)
        assert found["labels"][place].tolist() == labels + [""] * (TARGET.max_objects - count)
        np.testing.assert_allclose(found["scores"][place][:count], values, rtol=1e-5)
        np.testing.assert_allclose(found["boxes"][place][:count], boxes, rtol=1e-5, atol=1e-4)
        assert not found["boxes"][place][count:].any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), locations=st.integers(1, 60))
def test_the_reference_of_the_certificate_answers_as_torchvision_does(seed, locations):
    scores, around = dense(seed, 2, locations), carried(2)
    found = detections(TARGET, {name: each.astype(np.float64) for name, each in scores.items()}, around)
    for place in range(2):
        boxes, labels, _ = by_torchvision(scores, around, place)
        count = int(found["num_objects"][place])
        assert found["labels"][place][:count].tolist() == labels
        np.testing.assert_allclose(found["boxes"][place][:count], boxes, rtol=1e-4, atol=1e-3)


def test_pictures_without_an_object_answer_with_none(session):
    scores = dense(0, 2, 9)
    scores["class_scores"][:] = -20
    boxes, labels, values, counts = session.run(OUTPUTS, {**scores, **carried(2)})
    assert counts.tolist() == [0, 0]
    assert not boxes.any()
    assert not values.any()
    assert set(labels.ravel()) == {""}


def test_boxes_are_given_in_pixels_of_the_picture_and_within_it(session):
    scores = dense(1, 1, 30)
    scores["location_boxes"] -= 10
    boxes, *_ = session.run(OUTPUTS, {**scores, **carried(1, size=(90.0, 60.0))})
    assert boxes.min() >= 0
    assert boxes[..., 0::2].max() <= 90
    assert boxes[..., 1::2].max() <= 60
