import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, UsageError
from zoo.runtime.tables import TableOptions, categories, columns, numbers, read_table


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def number(name):
    return TensorSpec(name, "number", "float64", ())


def category(name):
    return TensorSpec(name, "category", "string", ())


def test_columns_become_numbers_with_nan_and_text_with_empty_strings(write):
    table = read_table(write("island,mass\nTorgersen,3750\nNA,NA\n Dream , 1e3\n"))
    found = columns(table, [number("mass"), category("island")])
    np.testing.assert_array_equal(found["mass"], [3750.0, np.nan, 1000.0])
    assert found["mass"].dtype == np.float64
    assert found["island"].tolist() == ["Torgersen", "", "Dream"]
    assert found["island"].dtype == object


@pytest.mark.parametrize("word", ["", "NA", "N/A", "NaN", "nan", "null", "None", "?"])
def test_these_words_are_missing_values(write, word):
    table = read_table(write(f'a,b\n1,x\n"{word}",y\n'))
    assert np.isnan(numbers(table, "a")[1])


def test_other_words_can_be_named_as_missing(write):
    table = read_table(write("a,b\n-9,NA\n1,\n"), TableOptions(missing=("-9",)))
    assert np.isnan(numbers(table, "a")[0])
    assert categories(table, "b").tolist() == ["NA", ""]


@pytest.mark.parametrize("cell", ["tall", "1_0", "0x10", "1e400", "inf", "\uff11\uff12", "1,5", "-"])
def test_a_bad_number_is_named_with_file_line_column_and_cell(write, cell):
    table = read_table(write(f'name,height\n"two\nlines",1\nb,"{cell}"\nc,"{cell}"\n'))
    with pytest.raises(DataError, match=r"table\.csv line 4, column 'height'") as caught:
        numbers(table, "height")
    assert f"{cell!r} is not a finite number (and 1 more)" in caught.value.message


def test_ragged_rows_are_located(write):
    with pytest.raises(DataError, match=r"table\.csv line 3: expected 3 fields, found 2"):
        read_table(write("a,b,c\n1,2,3\n4,5\n"))
    with pytest.raises(DataError, match=r"table\.csv line 2: expected 2 fields, found 3"):
        read_table(write("a,b\n1,2,3\n"))


def test_latin_1_bytes_are_located_and_the_encoding_suggested(write):
    path = write("name,x\nbird,1\ngarçon,2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"table\.csv line 3: byte 17 \(0xe7\) is not utf-8") as caught:
        read_table(path)
    assert "data.encoding=latin-1" in caught.value.fix
    assert categories(read_table(path, TableOptions(encoding="latin-1")), "name").tolist() == [
        "bird",
        "garçon",
    ]


def test_utf_16_is_recognised_and_suggested_where_another_encoding_is_named(write):
    path = write("a,b\n1,x\n".encode("utf-16"))
    for options in (None, TableOptions(encoding="utf-16")):
        assert numbers(read_table(path, options), "a").tolist() == [1.0]
    with pytest.raises(DataError) as caught:
        read_table(path, TableOptions(encoding="utf-8"))
    assert "data.encoding=utf-16" in caught.value.fix


def test_text_columns_keep_words_that_elsewhere_stand_for_missing_values(write):
    table = read_table(write('y,said\n1,NA\n0," two  words "\n1,\n1,None\n'))
    found = columns(table, [TensorSpec("said", "text", "string", ())])["said"]
    assert found.tolist() == ["NA", "two  words", "", "None"]
    assert found.dtype == object
    kept = table.filter(np.array([True, False, False, True]))
    assert columns(kept, [TensorSpec("said", "text", "string", ())])["said"].tolist() == ["NA", "None"]
    assert categories(kept, "said").tolist() == ["", ""]


@pytest.mark.parametrize("content", ["", "\n\n", " \n"])
def test_an_empty_file_is_refused(write, content):
    with pytest.raises(DataError, match=r"table\.csv: is empty"):
        read_table(write(content))


def test_a_file_with_a_header_only_is_refused(write):
    with pytest.raises(DataError, match="has a header but no rows"):
        read_table(write("a,b\n"))


def test_a_column_name_that_stands_twice_is_refused(write):
    with pytest.raises(DataError, match="several columns have the same name: 'a'"):
        read_table(write("a,b,a\n1,2,3\n"))


def test_a_byte_order_mark_and_windows_line_ends_do_not_count(write):
    table = read_table(write(b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n"))
    assert table.frame.columns == ["a", "b"]
    assert categories(table, "b").tolist() == ["x", "y"]


def test_a_file_without_a_header_gets_numbered_or_given_names(write):
    path = write("1,x\n2,y\n")
    assert read_table(path, TableOptions(header=False)).frame.columns == ["column_1", "column_2"]
    named = read_table(path, TableOptions(header=False, names=("n", "letter")))
    assert categories(named, "letter").tolist() == ["x", "y"]
    assert named.where(0) == "table.csv line 1"


def test_given_names_stand_for_those_of_the_header(write):
    table = read_table(write("1999,2000\n1,x\n"), TableOptions(names=("n", "letter")))
    assert numbers(table, "n").tolist() == [1.0]
    assert len(table) == 1


def test_a_header_of_numbers_is_taken_for_data_and_refused(write):
    with pytest.raises(DataError, match="the header is all numbers") as caught:
        read_table(write("7.4,0.7,5\n7.8,0.88,5\n"))
    assert "data.header=false" in caught.value.fix


def test_names_must_be_as_many_as_columns(write):
    with pytest.raises(UsageError, match=r"data\.names has 1 names for 2 columns"):
        read_table(write("1,2\n"), TableOptions(header=False, names=("a",)))


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv"), ("\t", "t.csv")]
)
def test_the_separator_is_found(write, separator, name):
    table = read_table(write(f'a{separator}"b,c,d,e"\n1{separator}x\n', name))
    assert table.frame.columns == ["a", "b,c,d,e"]


def test_a_separator_of_two_characters_is_refused(write):
    with pytest.raises(UsageError, match=r"data\.separator='::' is not one character"):
        read_table(write("a::b\n1::2\n"), TableOptions(separator="::"))


def test_an_unknown_encoding_is_a_usage_error(write):
    with pytest.raises(UsageError, match=r"data\.encoding=klingon: unknown text encoding"):
        read_table(write("a\n1\n"), TableOptions(encoding="klingon"))


def test_a_quote_that_is_never_closed_is_located(write):
    path = write('a,b\n1,x\n2,"y\n3,z\n')
    with pytest.raises(DataError, match=r"table\.csv line 3: unexpected end of data") as caught:
        read_table(path)
    assert "data.quoting=false" in caught.value.fix
    assert categories(read_table(path, TableOptions(quoting=False)), "b").tolist() == ["x", '"y', "z"]


def test_a_nul_character_is_located(write):
    with pytest.raises(DataError, match=r"table\.csv line 2: holds a NUL character"):
        read_table(write("a,b\n1,\0\n"))


def test_a_missing_column_suggests_the_nearest(write):
    table = read_table(write("mass,island\n1,x\n"))
    with pytest.raises(DataError, match="no column 'maas'") as caught:
        columns(table, [number("maas")])
    assert caught.value.fix == "did you mean 'mass'?"


def test_a_missing_file_suggests_the_nearest(write):
    path = write("a\nx\n")
    with pytest.raises(DataError, match="no such file") as caught:
        read_table(path.with_name("tabel.csv"))
    assert caught.value.fix == "did you mean 'table.csv'?"


def test_parquet_gives_the_text_that_its_types_stand_for(tmp_path):
    pl.DataFrame(
        {
            "whole": [3, None, 12],
            "gap": [3.0, None, 0.5],
            "flag": [True, False, None],
            "word": [" x", "NA", "y"],
        }
    ).write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert categories(table, "whole").tolist() == ["3", "", "12"]
    assert categories(table, "gap").tolist() == ["3", "", "0.5"]
    assert categories(table, "flag").tolist() == ["true", "false", ""]
    assert categories(table, "word").tolist() == ["x", "", "y"]
    np.testing.assert_array_equal(numbers(table, "gap"), [3.0, np.nan, 0.5])


def test_a_bad_number_in_parquet_is_named_by_row(tmp_path):
    pl.DataFrame({"x": [1.0, float("inf")]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet row 2, column 'x': inf is not a finite number"):
        numbers(read_table(tmp_path / "t.parquet"), "x")


def test_a_column_of_lists_is_refused(tmp_path):
    pl.DataFrame({"x": [[1], [2]]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 'x' holds List"):
        categories(read_table(tmp_path / "t.parquet"), "x")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all"])
def test_damaged_parquet_is_refused(write, content):
    with pytest.raises(DataError, match=r"t\.parquet: is (empty|not readable as Parquet)"):
        read_table(write(content, "t.parquet"))


def test_options_survive_json_among_other_keys():
    options = TableOptions(header=False, names=("a", "b"), separator=";", missing=("-",))
    document = json.loads(json.dumps({**options.to_json(), "target": "a"}))
    assert TableOptions.from_json(document) == options


cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_every_cell_that_csv_can_hold_comes_back(tmp_path_factory, rows):
    path = Path(tmp_path_factory.mktemp("csv"), "t.csv")
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("first", "second"), *rows])
    path.write_bytes(text.getvalue().encode())
    table = read_table(path, TableOptions(missing=(), separator=","))
    assert list(zip(categories(table, "first"), categories(table, "second"), strict=True)) == rows


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_numbers_are_read_exactly(tmp_path_factory, values):
    path = Path(tmp_path_factory.mktemp("csv"), "t.csv")
    path.write_text("x,y\n" + "".join(f"{'' if value is None else repr(value)},.\n" for value in values))
    expected = [np.nan if value is None else value for value in values]
    np.testing.assert_array_equal(numbers(read_table(path), "x"), expected)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_data_error(tmp_path_factory, content):
    path = Path(tmp_path_factory.mktemp("csv"), "t.csv")
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert len(read_table(path)) > 0


def test_a_cell_may_be_as_long_as_its_file(tmp_path):
    (tmp_path / "long.csv").write_text(f'text\n"{"word, " * 50_000}"\n')
    assert len(categories(read_table(tmp_path / "long.csv"), "text")[0]) > 250_000
