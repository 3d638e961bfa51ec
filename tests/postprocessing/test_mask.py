"""The graph of masks against torch's interpolation, and against the reference of the certificate."""

import numpy as np
import pytest
import spox
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.targets import SCORES, UNKNOWN_PIXEL, Mask
from zoo.exporting.segments import segments
from zoo.postprocessing import mask as graph
from zoo.postprocessing.mask import by_size
from zoo.preprocessing.graphs import build as build_graph
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.image import GIVEN_SIZE

TARGET = Mask(("ground", "road", "tree"))
SIZE = (6, 8)
NAMES = ("mask", "margin")
SIDE = st.integers(1, 30)


def answering(fit):
    scores = {SCORES: spox.argument(spox.Tensor(np.float32, ("batch", 3, "height", "width")))}
    carried = {GIVEN_SIZE: spox.argument(spox.Tensor(np.float32, ("batch", 2)))}
    fitted = {"size": list(SIZE), "fit": fit}
    session = open_session(build_graph({**scores, **carried}, graph.answers(TARGET, scores, carried, fitted)))

    def answer(scores, carried):
        return dict(zip(NAMES, session.run(NAMES, {**scores, **carried}), strict=True))

    return answer


@pytest.fixture(scope="module")
def stretched():
    return answering("stretch")


@pytest.fixture(scope="module")
def cropped():
    return answering("crop")


def logits(seed, batch=2):
    return np.random.default_rng(seed).normal(0, 3, (batch, 3, *SIZE)).astype(np.float32)


def sizes(*given):
    return {GIVEN_SIZE: np.array([(width, height) for height, width in given], np.float32)}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.tuples(SIDE, SIDE))
def test_the_graph_answers_as_torch_does(stretched, seed, size):
    scores = logits(seed)
    found = stretched({SCORES: scores}, sizes(size, size))
    resized = F.interpolate(torch.tensor(scores), size=size, mode="bilinear", align_corners=False)
    best, places = resized.softmax(1).topk(2, dim=1)
    margin = best[:, 0] - best[:, 1]
    np.testing.assert_allclose(found["margin"], margin, atol=1e-4)
    is_clear = margin.numpy() > 1e-3
    assert np.array_equal(found["mask"][is_clear], places[:, 0].numpy()[is_clear])
    assert found["mask"].dtype == np.uint8


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.tuples(SIDE, SIDE), fit=st.sampled_from(["stretch", "crop"]))
def test_the_reference_of_the_certificate_answers_as_the_graph_does(stretched, cropped, seed, size, fit):
    scores, given_sizes = logits(seed), sizes(size, size)
    found = {"stretch": stretched, "crop": cropped}[fit]({SCORES: scores}, given_sizes)
    expected = segments({SCORES: scores.astype(np.float64)}, given_sizes, SIZE, fit)
    np.testing.assert_allclose(found["margin"], expected["margin"], atol=1e-4)
    is_clear = (expected["margin"] > 1e-3) | (expected["mask"] == UNKNOWN_PIXEL)
    assert np.array_equal(found["mask"][is_clear], expected["mask"][is_clear])


def test_what_was_cropped_away_is_not_known(cropped):
    found = cropped({SCORES: logits(0, 1)}, sizes((6, 12)))
    assert found["mask"].shape == (1, 6, 12)
    assert (found["mask"][:, :, [0, 1, 10, 11]] == UNKNOWN_PIXEL).all()
    assert not found["margin"][:, :, [0, 1, 10, 11]].any()
    assert (found["mask"][:, :, 2:10] < 3).all()


def test_two_equal_logits_are_a_tie_that_the_first_label_wins(stretched):
    scores = np.zeros((1, 3, *SIZE), np.float32)
    scores[:, 1:] = 5
    found = stretched({SCORES: scores}, sizes(SIZE))
    assert (found["mask"] == 1).all()
    assert not found["margin"].any()


def test_pictures_of_differing_sizes_are_answered_one_size_at_a_time(stretched):
    scores = logits(3, batch=3)
    found = by_size(stretched, {SCORES: scores}, sizes((4, 5), (6, 7), (4, 5)))
    assert [each.shape for each in found["mask"]] == [(4, 5), (6, 7), (4, 5)]
    for place, size in enumerate([(4, 5), (6, 7), (4, 5)]):
        alone = stretched({SCORES: scores[place : place + 1]}, sizes(size))
        assert np.array_equal(found["mask"][place], alone["mask"][0])
        assert np.array_equal(found["margin"][place], alone["margin"][0])


def test_pictures_of_one_size_are_answered_by_one_array(stretched):
    assert by_size(stretched, {SCORES: logits(4)}, sizes((4, 5), (4, 5)))["mask"].shape == (2, 4, 5)
