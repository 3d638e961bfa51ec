import numpy as np
import polars as pl
import pytest

from zoo.contracts.signature import Binary, Classes, Labels, TensorSpec, Values
from zoo.data.readers import tables
from zoo.errors import DataError, UsageError

PENGUINS = """species,island,mass,sex
Adelie,Torgersen,3750,male
Gentoo,Biscoe,5000,NA
Adelie,Dream,NA,female
Chinstrap,Dream,3500,female
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def rows(header, *lines):
    return "\n".join((header, *lines)) + "\n"


def test_every_other_column_is_an_input_of_its_type(write):
    splits = tables.read(write(PENGUINS), target="species")
    assert splits.signature.inputs == (
        TensorSpec("island", "category", "string", ()),
        TensorSpec("mass", "number", "float64", ()),
        TensorSpec("sex", "category", "string", ()),
    )
    assert splits.signature.target == Classes(("Adelie", "Chinstrap", "Gentoo"), "species")
    assert splits.train.inputs["sex"].tolist() == ["male", "", "female", "female"]
    np.testing.assert_array_equal(splits.train.inputs["mass"], [3750, 5000, np.nan, 3500])
    assert splits.train.ids[1] == "table.csv line 3"


def test_a_column_called_target_is_the_target(write):
    assert tables.read(write("a,Target\n1,x\n2,y\n")).signature.target == Binary(("x", "y"), "Target")


def test_without_a_target_the_columns_are_listed(write):
    with pytest.raises(
        UsageError, match="which column is to be predicted\\? It has 'species', 'island'"
    ) as caught:
        tables.read(write(PENGUINS))
    assert "data.target=" in caught.value.fix


@pytest.mark.parametrize("option", [{"target": "specie"}, {"target": "sex", "drop": ("specie",)}])
def test_an_unknown_column_in_an_option_suggests_the_nearest(write, option):
    with pytest.raises(UsageError, match="has no column 'specie'") as caught:
        tables.read(write(PENGUINS), **option)
    assert caught.value.fix == "did you mean 'species'?"
    assert caught.value.exit_code == 2


def test_an_unknown_column_among_the_types_is_refused(write):
    with pytest.raises(UsageError, match=r"data\.types: .* has no column 'x'"):
        tables.read(write(PENGUINS), target="species", types={"x": "number"})


def test_columns_are_dropped_and_types_overridden(write):
    path = write("y,code,other\na,1,2\nb,2,2\nc,1,3\n")
    splits = tables.read(path, drop=("other",), types={"code": "category"})
    assert splits.signature.inputs == (TensorSpec("code", "category", "string", ()),)
    assert splits.train.inputs["code"].tolist() == ["1", "2", "1"]


def test_a_table_without_a_header(write):
    splits = tables.read(write("7.4,5\n7.8,6\n6.1,3\n"), header=False, target="column_2")
    assert splits.signature.target == Values(("column_2",))
    assert splits.train.target.tolist() == [[5.0], [6.0], [3.0]]
    named = tables.read(write("7.4,5\n7.8,6\n"), header=False, names=("acid", "quality"), target="quality")
    assert named.signature.inputs[0].name == "acid"


def test_whole_numbers_are_classes_without_a_decimal_point(tmp_path):
    pl.DataFrame({"x": [1.5, 2.5, 3.5], "y": [3, 10, 9]}).write_parquet(tmp_path / "t.parquet")
    splits = tables.read(tmp_path / "t.parquet", target_type="classes")
    assert splits.signature.target.labels == ("3", "9", "10")


def test_booleans_in_parquet_are_categories_and_binary_targets(tmp_path):
    frame = pl.DataFrame({"flag": [True, False, True], "y": [False, True, True]})
    frame.write_parquet(tmp_path / "t.parquet")
    splits = tables.read(tmp_path / "t.parquet")
    assert splits.signature.target == Binary(("false", "true"), "y")
    assert splits.train.inputs["flag"].tolist() == ["true", "false", "true"]


def test_several_target_columns_are_labels_or_values(write):
    path = write("x,a,b,c\n1.5,0,1,yes\n2.5,1,0,no\n")
    assert tables.read(path, target=("a", "c")).signature.target == Labels(("a", "c"))
    assert tables.read(path, target=("x", "a")).signature.target == Values(("x", "a"))


def test_a_missing_target_is_counted_and_located(write):
    path = write(PENGUINS)
    with pytest.raises(
        DataError, match=r"target 'sex' is missing in 1 rows, first in table\.csv line 3"
    ) as caught:
        tables.read(path, target="sex")
    assert "data.drop_missing_target=true" in caught.value.fix
    assert tables.read(path, target="sex", drop_missing_target=True).train.ids == [
        "table.csv line 2",
        "table.csv line 4",
        "table.csv line 5",
    ]


def test_a_target_that_is_always_missing_cannot_be_dropped(write):
    with pytest.raises(DataError, match="target 'y' is missing in every row"):
        tables.read(write("x,y\n1,\n2,\n"), drop_missing_target=True)


def test_one_class_is_refused(write):
    with pytest.raises(DataError, match="'y' is 'a' in every training example"):
        tables.read(write("x,y\n1,a\n2,a\n"))


def test_an_all_missing_column_is_named(write):
    with pytest.raises(DataError, match="column 'empty' has no value in any row") as caught:
        tables.read(write("x,empty,y\n1,,a\n2,NA,b\n"))
    assert caught.value.fix == "data.drop=[empty]"


def test_a_column_of_names_is_refused_and_its_words_can_be_typed_in_a_shell(write):
    path = write(rows("full name,y", *(f"person {i},{'ab'[i % 2]}" for i in range(60))))
    with pytest.raises(DataError, match="'full name' has 60 different texts in 60 rows") as caught:
        tables.read(path)
    assert caught.value.fix.startswith("""'data.drop=[full name]', or 'data.types."full name"=category'""")
    assert tables.read(path, types={"full name": "category"}).signature.inputs[0].kind == "category"


def test_a_column_that_numbers_the_rows_is_refused(write):
    path = write(rows(",x,y", *(f"{i},{i * 7 % 5},{'ab'[i % 2]}" for i in range(30))))
    with pytest.raises(DataError, match="column 'column_1' numbers the rows") as caught:
        tables.read(path)
    assert "data.drop=[column_1]" in caught.value.fix
    assert len(tables.read(path, drop=("column_1",)).signature.inputs) == 1


def test_an_odd_cell_among_numbers_is_located(write):
    lines = [f"{i % 7}.5,{'ab'[i % 2]}" for i in range(40)]
    lines[10] = "unclear,a"
    with pytest.raises(
        DataError, match=r"table\.csv line 12, column 'x': 'unclear' is not a finite number"
    ) as caught:
        tables.read(write(rows("x,y", *lines)))
    assert "data.types.x=category" in caught.value.fix


def test_an_odd_cell_among_target_numbers_is_located(write):
    lines = [f"{i % 7},{i % 9}.5" for i in range(40)]
    lines[10] = "1,unclear"
    path = write(rows("x,y", *lines))
    with pytest.raises(DataError, match=r"table\.csv line 12, column 'y': 'unclear'"):
        tables.read(path)
    with pytest.raises(DataError, match=r"table\.csv line 12, column 'y': 'unclear'"):
        tables.read(path, target_type="values")


def test_a_table_with_the_target_alone_is_refused(write):
    with pytest.raises(DataError, match="no column is left to predict from"):
        tables.read(write("y\na\nb\n"))


def test_a_folder_of_splits_is_a_data_set(write, tmp_path):
    write("x,y\n1,a\n2,b\n3,c\n", "train.csv")
    write("y,x\nb,5\n", "val.csv")
    pl.DataFrame({"x": [9], "y": ["c"]}).write_parquet(tmp_path / "test.parquet")
    splits = tables.read(tmp_path)
    assert tables.refuses(tmp_path) == ""
    assert splits.validation.inputs["x"].tolist() == [5.0]
    assert splits.test.target.tolist() == ["c"]


def test_a_split_with_an_unseen_label_is_refused(write, tmp_path):
    write("x,y\n1,a\n2,b\n", "train.csv")
    write("x,y\n1,z\n", "test.csv")
    with pytest.raises(DataError, match=r"test\.csv line 2: label 'z' does not occur"):
        tables.read(tmp_path)


def test_two_files_for_one_split_are_refused(write, tmp_path):
    for name in ("train.csv", "train.tsv"):
        write("x\ty\n1\ta\n", name)
    with pytest.raises(DataError, match=r"train\.csv and train\.tsv are both the train split"):
        tables.read(tmp_path)


def test_a_folder_of_other_tables_says_so(write, tmp_path):
    write(PENGUINS, "penguins.csv")
    assert tables.refuses(tmp_path) == "holds penguins.csv but no train.csv: give one of these files"


def test_rows_are_read_like_the_training_data(write):
    signature = tables.read(write(PENGUINS), target="species").signature
    path = write("sex;extra;mass;island;species\nmale;1;NA;Nowhere;Gentoo\n", "new.csv")
    examples = tables.read_like(path, signature, {"separator": ";", "target": "species"})
    assert examples.inputs["island"].tolist() == ["Nowhere"]
    assert np.isnan(examples.inputs["mass"][0])
    assert examples.target.tolist() == ["Gentoo"]


def test_reading_alike_names_a_missing_column_and_an_unseen_label(write):
    signature = tables.read(write(PENGUINS), target="species").signature
    with pytest.raises(DataError, match="no column 'sex'"):
        tables.read_like(write("island,mass,species\nDream,1,Gentoo\n", "new.csv"), signature, {})
    with pytest.raises(DataError, match=r"new\.csv line 2: label 'Emperor' does not occur"):
        tables.read_like(write("island,mass,sex,species\nDream,1,male,Emperor\n", "new.csv"), signature, {})
