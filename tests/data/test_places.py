import numpy as np

from zoo.data.places import Places


def test_a_place_is_named_when_it_is_asked_for():
    places = Places("data.npz train", range(5))
    assert len(places) == 5
    assert list(places) == [f"data.npz train {row}" for row in range(5)]
    assert places[np.int64(3)] == "data.npz train 3"
    assert list(places[1:3]) == ["data.npz train 1", "data.npz train 2"]


def test_places_are_taken_in_the_order_asked_for_again_and_again():
    places = Places("x", range(10)).take([7, 2, 2]).take(np.array([2, 0]))
    assert list(places) == ["x 2", "x 7"]
