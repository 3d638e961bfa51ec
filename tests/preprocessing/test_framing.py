"""What the network sees of a picture: the graph and the plain numbers agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Mask
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing import Encoder, Geometry, Wishes, fit
from zoo.preprocessing.framing import frame, nearest
from zoo.preprocessing.graphs import open_session
from zoo.preprocessing.image import shrinking

SIDE = st.integers(1, 60)


@settings(max_examples=40, deadline=None)
@given(given_size=st.tuples(SIDE, SIDE), size=st.tuples(SIDE, SIDE))
def test_the_frame_is_what_the_graph_crops(given_size, size):
    """A picture that is another one outside the frame is brought to the same pixels."""
    graph = open_session(shrinking("given", "small", 1, size, "crop"), num_threads=1)
    picture = np.random.default_rng(0).integers(0, 256, (1, *given_size, 1), np.uint8)
    rows, columns = frame(given_size, size, "crop")
    other = 255 - picture
    other[:, rows, columns] = picture[:, rows, columns]
    (small,), (of_other,) = graph.run(None, {"given": picture}), graph.run(None, {"given": other})
    assert np.array_equal(small, of_other)
    within = picture[:, rows, columns]
    stretch = open_session(shrinking("given", "small", 1, size, "stretch"), num_threads=1)
    assert np.array_equal(stretch.run(None, {"given": np.ascontiguousarray(within)})[0], small)


def test_a_mask_takes_the_pixel_at_the_middle_of_each_of_the_smaller_one():
    mask = np.arange(20, dtype=np.uint8).reshape(2, 10)
    # Middles at 1/6, 3/6 and 5/6 of ten columns: in the columns 1, 5 and 8.
    assert nearest(mask, (1, 3), "stretch").tolist() == [[11, 15, 18]]
    assert nearest(mask, (2, 2), "crop").tolist() == [[4, 5], [14, 15]]
    assert np.array_equal(nearest(mask, (4, 20), "stretch"), mask.repeat(2, 0).repeat(2, 1))
    assert nearest(mask, (2, 10), "stretch").tolist() == mask.tolist()


def masked(masks, pictures=None, fit_="stretch"):
    """Encodes masks of two labels for a network of 2 x 2 pixels."""
    pictures = pictures or [np.zeros((*np.shape(mask), 3), np.uint8) for mask in masks]
    spec = TensorSpec("image", "image", "uint8", (None, None, 3))
    examples = Examples({"image": pictures}, masks, [f"{place}.png" for place in range(len(masks))])
    signature = Signature((spec,), Mask(("ground", "road")))
    encoder = Encoder(fit(signature, examples, ("image",), Wishes(Geometry((2, 2), fit=fit_))))
    columns = encoder.targets(examples, encoder.store(examples))
    return encoder.finish_targets(columns, np.arange(len(masks)))[0]


def test_the_truth_of_a_mask_is_at_the_size_of_the_network_and_knows_what_is_not_known():
    truth = masked([np.array([[0, 1], [255, 1]], np.uint8), np.eye(4, dtype=np.uint8)])
    assert truth.dtype == np.int64
    assert truth.tolist() == [[[0, 1], [-100, 1]], [[1, 0], [0, 1]]]


def test_a_mask_is_cropped_as_its_picture_is():
    wide = np.array([[0, 1, 1, 0], [0, 1, 0, 0]], np.uint8)
    assert masked([wide], fit_="crop").tolist() == [[[1, 1], [1, 0]]]


def test_masks_of_a_data_set_of_ones_own_are_checked_too():
    with pytest.raises(DataError, match=r"0\.png: the mask is 2 x 3, its picture 4 x 4 \(height x width\)"):
        masked([np.zeros((2, 3), np.uint8)], [np.zeros((4, 4, 3), np.uint8)])
    with pytest.raises(DataError, match=r"0\.png: a pixel of the mask is 2, and there are 2 labels"):
        masked([np.full((4, 4), 2, np.uint8)])
