import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.targets import Binary, Classes, Forecast, Values
from zoo.contracts.tensors import TensorSpec
from zoo.data.readers.series import read_series, read_series_like
from zoo.errors import DataError, UsageError
from zoo.runtime.tables import read_table

NAN = float("nan")
SALES = """month,price,sales
2024-01,1.0,10
2024-02,1.1,11
2024-03,,12
2024-04,1.3,13
2024-05,1.4,14
2024-06,1.5,15
"""
GAP = "day,x\n2024-02-27,1\n2024-02-28,2\n2024-03-01,4\n2024-03-02,5\n2024-03-03,6\n2024-03-04,7\n"
WALKS = """walk,t,x,y,style
w1,2,20,0,run
w2,1,5,1,rest
w1,1,10,0,run
w2,2,6,,rest
w2,3,7,1,rest
w3,1,4,1,crawl
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="s.csv"):
        (tmp_path / name).write_text(text)
        return read_table(tmp_path / name)

    return write


def options(**given):
    defaults = {"target": None, "target_type": "auto", "drop": (), "time": None, "group": None}
    return {**defaults, "window": 2, "horizon": 1, "gaps": "refuse", **given}


def read(table, **given):
    return read_series({"train": table}, **options(**given))


def series(*names):
    return tuple(TensorSpec(name, "series", "float64", (None,)) for name in names)


def test_every_window_is_an_example_with_the_steps_that_follow_it(write):
    splits = read(write(SALES), time="month", target="sales", window=3, horizon=2)
    assert splits.signature.inputs == series("price", "sales")
    assert splits.signature.target == Forecast(("sales",), 2)
    np.testing.assert_array_equal(splits.train.inputs["sales"], [[10, 11, 12], [11, 12, 13]])
    np.testing.assert_array_equal(splits.train.inputs["price"], [[1, 1.1, NAN], [1.1, NAN, 1.3]])
    np.testing.assert_array_equal(splits.train.target, [[[13], [14]], [[14], [15]]])
    assert splits.train.target.dtype == np.float64
    assert splits.train.ids == ["s.csv line 5", "s.csv line 6"]


def test_the_timeline_says_which_rows_are_predicted(write):
    timeline = read(write(SALES), time="month", target="sales", window=3, horizon=2).timeline
    assert (list(timeline.first), list(timeline.last), timeline.length) == ([3, 4], [4, 5], 6)


def test_the_only_other_column_is_the_target(write):
    splits = read(write(SALES), time="month", drop=("price",))
    assert splits.signature.inputs == series("sales")
    assert splits.signature.target == Forecast(("sales",), 1)


def test_several_columns_are_forecast_in_the_order_of_the_option(write):
    splits = read(write(SALES.replace(",,", ",1.2,")), time="month", target=("sales", "price"), window=4)
    assert splits.signature.target == Forecast(("sales", "price"), 1)
    np.testing.assert_array_equal(splits.train.target, [[[14, 1.4]], [[15, 1.5]]])


def test_an_example_whose_truth_is_missing_is_left_out(write):
    splits = read(write(SALES), time="month", target="price", window=1)
    np.testing.assert_array_equal(splits.train.target[:, 0, 0], [1.1, 1.4, 1.5])
    # the third row has no price, so it is neither predicted nor the whole past of the fourth
    assert splits.train.ids == ["s.csv line 3", "s.csv line 6", "s.csv line 7"]
    assert list(splits.timeline.first) == [1, 4, 5]


def test_a_gap_is_refused_and_can_be_filled_with_missing_steps(write):
    with pytest.raises(DataError, match=r"s\.csv line 4, column 'day': 1 row is missing between") as caught:
        read(write(GAP), time="day")
    assert "data.gaps=fill" in caught.value.fix
    splits = read(write(GAP), time="day", gaps="fill")
    np.testing.assert_array_equal(splits.train.inputs["x"], [[2, NAN], [NAN, 4], [4, 5], [5, 6]])
    assert splits.train.target[:, 0, 0].tolist() == [4, 5, 6, 7]
    assert splits.train.ids == [f"s.csv line {line}" for line in (4, 5, 6, 7)]
    timeline = splits.timeline
    assert (list(timeline.first), list(timeline.last), timeline.length) == ([3, 4, 5, 6], [3, 4, 5, 6], 7)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 20))
def test_windows_and_truth_are_consecutive(tmp_path_factory, window, horizon, more):
    length = window + horizon + more
    path = tmp_path_factory.mktemp("counted") / "s.csv"
    path.write_text("\n".join(["t,x", *(f"{step},{step}" for step in range(length))]) + "\n")
    splits = read(read_table(path), time="t", window=window, horizon=horizon)
    whole = np.concatenate([splits.train.inputs["x"], splits.train.target[:, :, 0]], axis=1)
    assert whole.shape == (more + 1, window + horizon)
    assert (whole == np.arange(more + 1)[:, None] + np.arange(window + horizon)).all()
    assert list(splits.timeline.first) == whole[:, window].tolist()
    assert list(splits.timeline.last) == whole[:, -1].tolist()


def test_declared_splits_are_series_of_their_own(write):
    tables = {"train": write(SALES, "train.csv"), "test": write(SALES, "test.csv")}
    splits = read_series(tables, **options(time="month", target="sales"))
    assert splits.validation is None
    assert splits.test.ids == [f"test.csv line {line}" for line in (4, 5, 6, 7)]
    np.testing.assert_array_equal(splits.test.target, splits.train.target)


def test_a_known_signature_reads_every_table_the_same(write):
    given = options(time="month", target="sales", window=3, horizon=2)
    signature = read_series({"train": write(SALES)}, **given).signature
    again = read_series_like({"train": write(SALES), "test": write(SALES)}, signature, given)
    assert again.target[:, :, 0].tolist() == [[13, 14], [14, 15]] * 2
    with pytest.raises(DataError, match=r"s\.csv: no column 'price'"):
        read_series_like({"train": write("month,sales\n2024-01,1\n2024-02,2\n")}, signature, given)


def test_each_group_is_one_example_of_its_own_length(write):
    splits = read(write(WALKS), group="walk", time="t", target="style")
    assert splits.signature.inputs == series("x", "y")
    assert splits.signature.target == Classes(("crawl", "rest", "run"), "style")
    assert [steps.tolist() for steps in splits.train.inputs["x"]] == [[10, 20], [5, 6, 7], [4]]
    np.testing.assert_array_equal(splits.train.inputs["y"][1], [1, NAN, 1])
    assert splits.train.inputs["x"][0].dtype == np.float64
    assert splits.train.target.tolist() == ["run", "rest", "crawl"]
    assert splits.train.ids == ["s.csv line 2 (walk w1)", "s.csv line 3 (walk w2)", "s.csv line 7 (walk w3)"]
    assert splits.timeline is None


def test_without_time_the_file_orders_the_rows_of_a_group(write):
    splits = read(write(WALKS), group="walk", target="style", drop=("t",))
    assert [steps.tolist() for steps in splits.train.inputs["x"]] == [[20, 10], [5, 6, 7], [4]]


def test_a_column_called_label_is_the_target_of_groups(write):
    splits = read(write(WALKS.replace("style", "Label")), group="walk", time="t")
    assert splits.signature.target == Classes(("crawl", "rest", "run"), "Label")
    assert splits.signature.inputs == series("x", "y")


@pytest.mark.parametrize(
    ("values", "target"), [(("0", "1"), Binary(("0", "1"), "y")), (("0.5", "2"), Values(("y",)))]
)
def test_the_target_of_groups_is_what_one_value_each_says(write, values, target):
    text = f"g,x,y\na,1,{values[0]}\na,2,{values[0]}\nb,3,{values[1]}\nb,4,{values[1]}\n"
    splits = read(write(text), group="g", target="y")
    assert splits.signature.target == target
    again = read_series_like({"train": write(text)}, splits.signature, options(group="g", target="y"))
    assert again.target.tolist() == splits.train.target.tolist()
    assert len(again) == 2


def test_a_label_that_training_has_not_seen_is_refused(write):
    signature = read(write(WALKS), group="walk", time="t", target="style").signature
    other = write("walk,t,x,y,style\nw9,1,1,1,swim\n")
    with pytest.raises(
        DataError, match=r"line 2 \(walk w9\): label 'swim' does not occur in the training data"
    ):
        read_series_like({"train": other}, signature, options(group="walk", time="t"))


@pytest.mark.parametrize(
    ("text", "given", "error", "words", "fix"),
    [
        (SALES, {"time": "mont"}, UsageError, "data.time: {} has no column 'mont'", "did you mean 'month'?"),
        (SALES, {"group": "shop"}, UsageError, "data.group: {} has no column 'shop'", "known: "),
        (
            SALES,
            {"time": "month", "target": "sale"},
            UsageError,
            "data.target: {} has no column 'sale'",
            "'sales'",
        ),
        (SALES, {"time": "month", "drop": ("prize",)}, UsageError, "data.drop: {} has no column", "'price'"),
        (
            SALES,
            {"time": "month"},
            UsageError,
            "which column is to be forecast? It has 'price', 'sales'",
            "data.target=",
        ),
        (
            SALES,
            {"time": "month", "target": "month"},
            UsageError,
            "'month' of {} is left out of the inputs",
            "data.time",
        ),
        (
            SALES,
            {"time": "month", "target": "sales", "drop": ("sales",)},
            UsageError,
            "own past",
            "data.drop",
        ),
        (
            SALES,
            {"time": "month", "target_type": "classes"},
            UsageError,
            "data.target_type=classes",
            "data.group=",
        ),
        (SALES, {"target": "sales"}, UsageError, "a column that orders its rows", "data.time=COLUMN"),
        (
            SALES,
            {"time": "month", "target": "sales", "window": 5, "horizon": 2},
            DataError,
            "the series has 6 steps, too few for a window of 5 and a horizon of 2, together 7",
            "data.window=",
        ),
        (
            SALES,
            {"time": "price", "target": "sales", "drop": ("month",)},
            DataError,
            "s.csv line 4, column 'price': is empty",
            "when",
        ),
        (
            "t,x\n2,1\n1,2\n3,4\n",
            {"time": "t"},
            DataError,
            "s.csv line 3, column 't': 1 comes after 2",
            "sort",
        ),
        (
            "t,x\n1,1\n2,2\n2,4\n",
            {"time": "t"},
            DataError,
            "s.csv line 4, column 't': 2 is there twice",
            "one row",
        ),
        (
            "t,x\nMonday,1\n",
            {"time": "t"},
            DataError,
            "s.csv line 2, column 't': 'Monday' is no date",
            "1984-12-31",
        ),
        (
            "t\n1\n2\n3\n",
            {"time": "t"},
            DataError,
            "no numeric column is left to make a series of",
            "data.drop",
        ),
        (
            "t,a\n1,x\n2,y\n",
            {"time": "t"},
            DataError,
            "no numeric column is left to make a series of: 'a' hold",
            "",
        ),
        (
            "t,x\n1,1\n2,two\n3,3\n",
            {"time": "t"},
            DataError,
            "s.csv line 3, column 'x': 'two' is not a finite",
            "",
        ),
        (
            "t,x,the shop\n1,1,A\n2,2,B\n3,3,A\n",
            {"time": "t", "target": "x"},
            DataError,
            "column 'the shop' holds text, and the steps of a series are numbers",
            "'data.drop=[the shop]'",
        ),
        (
            "t,x,shop\n1,1,A\n2,2,B\n3,3,A\n",
            {"time": "t", "target": "shop"},
            DataError,
            "target 'shop' is not numeric: it holds 'B'",
            "data.target",
        ),
        (
            "t,x\n1,1\n2,\n3,\n4,\n",
            {"time": "t"},
            DataError,
            "'x' has nowhere 1 values in a row",
            "data.horizon",
        ),
        (
            WALKS,
            {"group": "walk"},
            UsageError,
            "which column is to be predicted? It has 't', 'x', 'y', 'style'",
            "=style",
        ),
        (
            WALKS.replace("w2,2,6,,rest", "w2,2,6,,run"),
            {"group": "walk", "time": "t", "target": "style"},
            DataError,
            "s.csv line 5: target 'style' of 'w2' is 'run', but 'rest' in s.csv line 3",
            "the same value",
        ),
        (
            WALKS.replace("w3,1,4,1,crawl", "w3,1,4,1,"),
            {"group": "walk", "time": "t", "target": "style"},
            DataError,
            "s.csv line 7: target 'style' of 'w3' is missing",
            "fill it in",
        ),
        (
            WALKS.replace("w2,2,", "w2,1,"),
            {"group": "walk", "time": "t", "target": "style"},
            DataError,
            "s.csv line 5, column 't': 1 is there twice, first in s.csv line 3",
            "one row",
        ),
        (
            WALKS,
            {"group": "walk", "time": "t", "target": "style", "target_type": "values"},
            DataError,
            "column 'style': 'run' is not a finite number",
            "",
        ),
    ],
)
def test_what_is_no_series_is_refused_by_its_words(write, text, given, error, words, fix):
    table = write(text)
    with pytest.raises(error) as caught:
        read(table, **given)
    assert words.format(table.path) in caught.value.message
    assert fix in caught.value.fix
