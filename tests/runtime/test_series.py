import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Forecast
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.runtime.series import SeriesOptions, arrange, read_series
from zoo.runtime.tables import read_table

NAN = float("nan")
ALONE = SeriesOptions(time="t")
FILLED = SeriesOptions(time="t", gaps="fill")
MONTHS = "t,sales,price\n2024-01,10,1.5\n2024-02,11,\n2024-03,12,1.7\n2024-04,13,1.8\n"
WALKS = "walk,t,x,label\na,2,20,run\nb,1,5,rest\na,1,10,run\nb,2,6,rest\nb,3,7,rest\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="s.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def column(write):
    def column(*moments):
        return read_table(write("\n".join(["t,x", *(f"{moment},1" for moment in moments)]) + "\n"))

    return column


def signature(*names, target=None):
    specs = tuple(TensorSpec(name, "series", "float64", (None,)) for name in names)
    return Signature(specs, target or Forecast((names[0],), 1))


def test_the_last_steps_of_a_table_become_one_example(write):
    path = write(MONTHS)
    columns, ids = read_series(path, signature("sales", "price"), {"time": "t", "window": 3})
    np.testing.assert_array_equal(columns["sales"], [[11, 12, 13]])
    np.testing.assert_array_equal(columns["price"], [[NAN, 1.7, 1.8]])
    assert columns["price"][0].dtype == np.float64
    assert ids == [f"{path}:5"]


def test_less_history_makes_a_shorter_series(write):
    columns, _ = read_series(write(MONTHS), signature("sales"), {"time": "t", "window": 24})
    np.testing.assert_array_equal(columns["sales"], [[10, 11, 12, 13]])


def test_a_step_that_is_filled_in_counts_as_one_of_the_window(write):
    path = write("t,x\n2024-01,1\n2024-02,2\n2024-04,4\n2024-05,5\n")
    columns, _ = read_series(path, signature("x"), {"time": "t", "window": 4, "gaps": "fill"})
    np.testing.assert_array_equal(columns["x"], [[2, NAN, 4, 5]])


def test_a_table_is_read_as_the_training_table_was(write):
    reading = {"time": "t", "window": 2, "separator": ";", "missing": ["-9"], "target": "x", "drop": []}
    columns, _ = read_series(write("t;x\n1;1\n2;-9\n3;5\n"), signature("x"), reading)
    np.testing.assert_array_equal(columns["x"], [[NAN, 5]])


def test_each_group_becomes_one_example_in_order_of_time(write):
    path = write(WALKS)
    reading = {"time": "t", "group": "walk", "window": 1}
    columns, ids = read_series(path, signature("x", target=Binary(("rest", "run"), "label")), reading)
    assert [steps.tolist() for steps in columns["x"]] == [[10, 20], [5, 6, 7]]
    assert ids == [f"{path}:a", f"{path}:b"]


def test_without_a_time_column_the_file_orders_the_rows_of_a_group(write):
    reading = {"time": None, "group": "walk", "window": 1}
    columns, _ = read_series(write(WALKS), signature("x", target=Binary(("rest", "run"), "label")), reading)
    assert [steps.tolist() for steps in columns["x"]] == [[20, 10], [5, 6, 7]]


@pytest.mark.parametrize(
    "moments",
    [
        ("2023-11", "2023-12", "2024-01"),
        ("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"),
        ("2020", "2021", "2022"),
        ("2020-02-29", "2024-02-29"),
        ("2024-02-28", "2024-02-29", "2024-03-01"),
        ("2024-01-01 22:30", "2024-01-01 23:30", "2024-01-02 00:30"),
        ("0", "0.1", "0.2", "0.30000000000000004", "0.4"),
        ("1700000000.01", "1700000000.02", "1700000000.03"),
        ("5",),
    ],
)
def test_equal_steps_are_places_one_after_the_other(column, moments):
    [course] = arrange(column(*moments), ALONE)
    assert course.places.tolist() == list(range(len(moments)))
    assert course.rows.tolist() == list(range(len(moments)))


@given(st.lists(st.integers(1, 4), min_size=3, max_size=30), st.integers(1, 1000), st.integers(-5, 10**6))
def test_filled_in_every_value_stands_at_its_moment(tmp_path_factory, jumps, step, start):
    places = np.concatenate([[0], np.cumsum([1, *jumps, 1])])
    jumps_of_one = np.ones(len(jumps) + 1, int)
    # the usual step is the one that is there most often
    places = np.concatenate([places, places[-1] + np.cumsum(jumps_of_one)])
    lines = [f"{start + step * place},{place}" for place in places]
    path = tmp_path_factory.mktemp("filled") / "s.csv"
    path.write_text("\n".join(["t,x", *lines]) + "\n")
    [course] = arrange(read_table(path), FILLED)
    expected = np.full(places[-1] + 1, NAN)
    expected[places] = places
    np.testing.assert_array_equal(course.lay_out(places.astype(np.float64)), expected)


@pytest.mark.parametrize(
    ("moments", "words", "fix"),
    [
        (
            ("1984-12-29", "1984-12-30", "1985-01-01", "1985-01-02"),
            "s.csv line 4, column 't': 1 row is missing between 1984-12-30 and 1985-01-01, where the step is 1 day",
            "data.gaps=fill",
        ),
        (
            ("2024-01", "2024-02", "2024-05", "2024-06", "2024-08"),
            "s.csv line 4, column 't': 2 rows are missing between 2024-02 and 2024-05, where the step is 1 month (3 in all)",
            "data.gaps=fill",
        ),
        (
            ("1", "2", "3", "5"),
            "s.csv line 5, column 't': 1 row is missing between 3 and 5",
            "data.gaps=fill",
        ),
        (
            ("2024-01", "2024-03", "2024-02"),
            "s.csv line 4, column 't': 2024-02 comes after 2024-03: the rows are out of order",
            "sort the rows by 't'",
        ),
        (
            ("2024-01", "2024-02", "2024-02"),
            "s.csv line 4, column 't': 2024-02 is there twice, first in s.csv line 3",
            "keep one row for each moment",
        ),
        (
            ("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03 18:00"),
            "s.csv line 5, column 't': 2024-01-03 18:00 is 18 hours after 2024-01-03, where the step is 1 day",
            "equal steps",
        ),
        (("1", "2", "3", "4.5"), "4.5 is 1.5 after 3, where the step is 1", "equal steps"),
    ],
)
def test_rows_that_are_no_series_of_equal_steps_are_refused_by_line(column, moments, words, fix):
    with pytest.raises(DataError) as caught:
        arrange(column(*moments), ALONE)
    assert words in caught.value.message
    assert fix in caught.value.fix


def test_a_moment_that_is_far_off_is_not_filled_up_to(column):
    with pytest.raises(DataError, match="996 rows are missing between 3 and 1000") as caught:
        arrange(column("1", "2", "3", "1000"), FILLED)
    assert caught.value.fix.startswith("correct the moment")


def test_uneven_steps_cannot_be_filled_in(column):
    with pytest.raises(DataError, match="2024-01-03 18:00 is 18 hours after 2024-01-03"):
        arrange(column("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03 18:00"), FILLED)


def test_groups_share_a_step_and_may_overlap_in_time(write):
    table = read_table(write("g,t,x\na,1,1\na,2,1\nb,1,1\nb,4,1\nc,9,1\n"))
    options = SeriesOptions(time="t", group="g", gaps="fill")
    assert [course.places.tolist() for course in arrange(table, options)] == [[0, 1], [0, 3], [0]]
    with pytest.raises(DataError, match=r"line 5, column 't': 2 rows are missing between 1 and 4"):
        arrange(table, SeriesOptions(time="t", group="g"))


def test_a_moment_twice_in_one_group_is_refused(write):
    table = read_table(write("g,t,x\na,1,1\nb,1,1\na,2,1\na,1,1\n"))
    with pytest.raises(DataError, match=r"line 5, column 't': 1 is there twice, first in s\.csv line 2"):
        arrange(table, SeriesOptions(time="t", group="g"))


@pytest.mark.parametrize(
    ("text", "reading", "words"),
    [
        (
            "t,sales\n1,1\n2,many\n",
            {"time": "t"},
            "s.csv line 3, column 'sales': 'many' is not a finite number",
        ),
        ("t,sale\n1,1\n2,1\n", {"time": "t"}, "s.csv: no column 'sales'\ndid you mean 'sale'?"),
        ("T,sales\n1,1\n2,1\n", {"time": "t"}, "s.csv: no column 't'"),
        ("t,sales\n1,1\n2,1\n", {"group": "g"}, "s.csv: no column 'g'"),
        (
            "g,sales\na,1\n,1\n",
            {"group": "g"},
            "s.csv line 3, column 'g': is empty, so the row belongs to no series",
        ),
        ("t,sales\n1,1\n2,\n3,\n", {"time": "t"}, "column 'sales' has no value in the last 2 steps"),
        ("t,sales\n", {"time": "t"}, "has a header but no rows"),
    ],
)
def test_a_table_that_cannot_be_forecast_from_is_refused(write, text, reading, words):
    with pytest.raises(DataError) as caught:
        read_series(write(text), signature("sales"), {**reading, "window": 2})
    assert words in str(caught.value)
