import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.preprocessing.ragged import Ragged, take

ROWS = st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, order=st.randoms())
def test_rows_come_back_padded_to_the_longest_of_those_taken(rows, order):
    ragged = Ragged.of_rows([np.array(row, np.int64) for row in rows])
    places = list(range(len(rows)))
    order.shuffle(places)
    chosen = places[: max(1, len(places) // 2)]
    longest = max(1, *(len(rows[place]) for place in chosen), 1)
    expected = [rows[place] + [0] * (longest - len(rows[place])) for place in chosen]
    assert ragged.take(np.array(chosen)).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(rows=ROWS)
def test_padding_is_not_kept(rows):
    longest = max(map(len, rows)) + 2
    padded = np.array([row + [0] * (longest - len(row)) for row in rows], np.int64)
    lengths = np.array([len(row) for row in rows], np.int64)
    half = len(rows) // 2 or 1
    parts = [part for part in (padded[:half], padded[half:]) if len(part)]
    ragged = Ragged.of_padded(parts, [lengths[:half], lengths[half:]][: len(parts)])
    assert len(ragged.values) == sum(map(len, rows))
    assert ragged.lengths.tolist() == lengths.tolist()
    assert [row[:length].tolist() for row, length in zip(ragged.all(), lengths, strict=True)] == rows


def test_rows_of_vectors_get_the_padding_asked_for():
    ragged = Ragged.of_rows([np.zeros((0, 2)), np.ones((2, 2))], padding=-1)
    assert ragged.take(np.array([0, 1])).tolist() == [[[-1, -1], [-1, -1]], [[1, 1], [1, 1]]]
    assert ragged.take(np.array([0])).tolist() == [[[-1, -1]]]


def test_a_dense_column_is_gathered():
    assert take(np.arange(5) * 10, np.array([3, 1])).tolist() == [30, 10]
