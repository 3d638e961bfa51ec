import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo.runtime.moments import amount, read_moments
from zoo.runtime.tables import Table, read_table


@pytest.fixture
def column(tmp_path):
    """A table of these cells."""

    def column(*cells):
        (tmp_path / "s.csv").write_text("\n".join(["when,value", *(f'"{cell}",1' for cell in cells)]) + "\n")
        return read_table(tmp_path / "s.csv")

    return column


@pytest.mark.parametrize(
    ("cells", "unit", "differences"),
    [
        (("1949-01", "1949-02", "1950-02"), "month", [1, 12]),
        (("1949-01-15", "1949-02-15", "1950-02-15"), "month", [1, 12]),
        (("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"), "month", [1, 1, 1, 1]),
        (("2024-02-29 06:00", "2024-03-31 06:00"), "month", [1]),
        (("2024-02-28", "2024-02-29", "2024-03-01"), "microsecond", [86_400e6, 86_400e6]),
        (("20240228", "20240229", "20240301"), "microsecond", [86_400e6, 86_400e6]),
        (("2024-01-01 23:00", "2024-01-02 00:00"), "microsecond", [3600e6]),
        (("2024-01-01T00:00:00", "2024-01-01T00:00:00.5"), "microsecond", [0.5e6]),
        (("2024-01-01T00:00Z", "2024-01-01T00:00+01:00"), "microsecond", [-3600e6]),
        (("1949", "1950", "1952"), "", [1, 2]),
        (("-0.5", "0", "1e1"), "", [0.5, 10]),
        (("20249999", "20250000"), "", [1]),
    ],
)
def test_equal_steps_are_equal_numbers(column, cells, unit, differences):
    moments = read_moments(column(*cells), "when")
    assert moments.unit == unit
    assert np.diff(moments.values).tolist() == differences
    assert moments.cells.tolist() == list(cells)


@given(
    st.lists(
        st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)), min_size=2, max_size=9
    )
)
def test_dates_with_times_are_ordered_as_python_orders_them(moments):
    frame = pl.DataFrame({"when": [moment.isoformat() for moment in moments]})
    found = read_moments(Table(Path("s.csv"), frame, np.arange(9)), "when")
    by_python = sorted(range(len(moments)), key=lambda row: moments[row])
    assert np.argsort(found.values, kind="stable").tolist() == by_python


def test_dates_of_parquet_are_read_as_those_of_text(tmp_path, column):
    days = [datetime.date(2024, 2, 28), datetime.date(2024, 2, 29), datetime.date(2024, 3, 2)]
    hours = [datetime.datetime(2024, 1, 1, hour, tzinfo=datetime.UTC) for hour in (1, 2, 4)]
    pl.DataFrame({"day": days, "hour": hours, "number": [1, 2, 4]}).write_parquet(tmp_path / "s.parquet")
    table = read_table(tmp_path / "s.parquet")
    text = read_moments(column(*(day.isoformat() for day in days)), "when")
    assert read_moments(table, "day").values.tolist() == text.values.tolist()
    assert np.diff(read_moments(table, "hour").values).tolist() == [3600e6, 7200e6]
    assert read_moments(table, "number").values.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("31.12.1984",), "s.csv line 2, column 'when': '31.12.1984' is no date, month or number"),
        (("1984-12-30", "yesterday"), "s.csv line 3, column 'when': 'yesterday' is no date, month or number"),
        (
            ("1984-02-29", "1985-02-29"),
            "s.csv line 3, column 'when': '1985-02-29' is no date: day is out of range",
        ),
        (("1984-11", "1984-13"), "s.csv line 3, column 'when': '1984-13' is no date: month must be"),
        (("1984-12", "1985-01-01"), "'1985-01-01' is a date, but the rows before hold a month"),
        (
            ("1984-12-01 00:00", "1984-12-01 00:00Z"),
            "is a date with a time zone, but the rows before hold a date",
        ),
        (("1984-12-01", "7"), "'7' is a number, but the rows before hold a date"),
        (("1984-12-01", ""), "s.csv line 3, column 'when': is empty, so the row has no place in time"),
        (("", "1984-12-01"), "s.csv line 2, column 'when': is empty, so the row has no place in time"),
    ],
)
def test_what_is_no_moment_is_refused_by_line(column, cells, words):
    with pytest.raises(DataError) as caught:
        read_moments(column(*cells), "when")
    assert words in str(caught.value)


def test_an_unknown_time_column_suggests_the_nearest(column):
    with pytest.raises(DataError, match=r"s\.csv: no column 'whem'") as caught:
        read_moments(column("1984"), "whem")
    assert caught.value.fix == "did you mean 'when'?"


@pytest.mark.parametrize(
    ("difference", "unit", "words"),
    [
        (24, "month", "2 years"),
        (3, "month", "3 months"),
        (86_400_000_000, "microsecond", "1 day"),
        (7_200_000_000, "microsecond", "2 hours"),
        (90_000_000, "microsecond", "90 seconds"),
        (0.25, "", "0.25"),
    ],
)
def test_a_step_is_named_in_words(difference, unit, words):
    assert amount(difference, unit) == words
