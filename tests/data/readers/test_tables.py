import numpy as np
import polars as pl
import pytest

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Labels, Several, Values
from zoo.contracts.tensors import TensorSpec
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
        DataError, match=r"target 'sex' is missing in 1 row, first in table\.csv line 3"
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


def test_a_column_of_names_beside_others_is_refused_and_its_words_can_be_typed_in_a_shell(write):
    path = write(rows("full name,x,y", *(f"person {i},{i % 7},{'ab'[i % 2]}" for i in range(60))))
    with pytest.raises(DataError, match="'full name' has 60 different texts in 60 rows") as caught:
        tables.read(path)
    assert caught.value.fix == (
        "data.drop=[x] leaves 'full name' alone, and 'data.drop=[full name]' leaves the texts out; "
        """'data.types."full name"=category' takes texts for categories"""
    )
    assert tables.read(path, types={"full name": "category"}).signature.inputs[0].kind == "category"
    assert tables.read(path, drop=("x",)).signature.inputs == (TensorSpec("full name", "text", "string", ()),)


def test_of_several_texts_the_longest_is_what_can_be_learned_from(write):
    path = write(
        rows("id,said,y", *(f"person {i},said number {i} and more,{'ab'[i % 2]}" for i in range(60)))
    )
    with pytest.raises(DataError, match="a text cannot be learned from beside other columns") as caught:
        tables.read(path)
    assert caught.value.fix.startswith("data.drop=[id] leaves 'said' alone; data.types.id=category")


MESSAGES = """label\tthis is what they said
ham\tOk, see you at the "NA" gate
spam\tFREE entry now, text WIN to 80086
ham\tNone
spam\t
ham\tSee you at the station, mum
"""


def test_phrases_are_text_and_words_for_missing_values_are_words_in_them(write):
    path = write(MESSAGES, "sms.tsv")
    splits = tables.read(path, names=("label", "text"), quoting=False)
    assert splits.signature == Signature((TensorSpec("text", "text", "string", ()),), Binary(("ham", "spam")))
    assert splits.train.inputs["text"].tolist()[2:4] == ["None", ""]
    again = tables.read(path, names=("label", "text"), quoting=False, types={"text": "category"})
    assert again.signature.inputs[0].kind == "category"
    assert again.train.inputs["text"].tolist()[2:4] == ["", ""]


def test_a_table_of_texts_needs_no_header(write):
    path = write('a\t"one two three four\nb\tfive six seven eight\n', "sms.tsv")
    splits = tables.read(path, names=("label", "text"), header=False, quoting=False)
    assert splits.train.inputs["text"].tolist() == ['"one two three four', "five six seven eight"]


def test_short_categories_of_many_words_stay_categories(write):
    path = write(
        rows(
            "x,y",
            *(
                f"{'one two three four' if i % 3 else 'bachelor of fine arts'},{'ab'[i % 2]}"
                for i in range(30)
            ),
        )
    )
    assert tables.read(path).signature.inputs[0].kind == "category"


TEXT = {"text": "text"}
REPEATED = """y,text
a,so it goes again and again
b,another text of some words
b,so it goes again and again
b,so it goes again and again
a,another text of some words
"""


def test_a_text_that_occurs_again_counts_once_with_its_most_frequent_label(write):
    path = write(REPEATED)
    train = tables.read(path, types=TEXT).train
    assert train.inputs["text"].tolist() == ["another text of some words", "so it goes again and again"]
    assert train.target.tolist() == ["b", "b"]
    assert train.ids == ["table.csv line 3", "table.csv line 4"]
    assert len(tables.read(path, types=TEXT, duplicates="keep").train) == 5


def test_rows_of_numbers_that_occur_again_stay(write):
    assert len(tables.read(write("x,y\n1,a\n1,a\n2,b\n")).train) == 3


def test_declared_splits_keep_the_texts_that_occur_again(write, tmp_path):
    for name in ("train.csv", "dev.csv", "test.csv"):
        write(REPEATED, name)
    splits = tables.read(tmp_path, types=TEXT)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [5, 5, 5]


EMOTIONS = "I did not expect this\t0,2\tx\nWhat a day that was\tjoy\ty\nNo one ever told me\t1\tz\n"


def read_emotions(path, **options):
    return tables.read(
        path, names=("text", "felt", "id"), header=False, quoting=False, drop=("id",), target="felt",
        target_type="labels", labels="labels.txt", **options,
    )  # fmt: skip


def test_a_column_lists_labels_of_a_file_beside_it(write, tmp_path):
    write(EMOTIONS, "train.tsv")
    write(EMOTIONS[:28], "dev.tsv")
    write("anger\n\njoy\nfear\n", "labels.txt")
    splits = read_emotions(tmp_path)
    assert splits.signature.target == Labels(("anger", "joy", "fear"), "felt")
    assert splits.train.target.tolist() == [[True, False, True], [False, True, False], [False, True, False]]
    assert splits.validation.target.tolist() == [[True, False, True]]
    again = tables.read_like(
        tmp_path / "dev.tsv", splits.signature, {"names": ["text", "felt", "id"], "header": False}
    )
    assert again.target.tolist() == [[True, False, True]]


@pytest.mark.parametrize("label", ["3", "rage"])
def test_a_label_that_is_not_in_the_file_is_located(write, tmp_path, label):
    write(EMOTIONS, "train.tsv")
    write(f"Who knows what it is\tjoy,{label}\tq\n", "test.tsv")
    write("anger\njoy\nfear\n", "labels.txt")
    with pytest.raises(
        DataError, match=rf"test\.tsv line 1: label '{label}' of 'felt' is none of the 3 labels"
    ):
        read_emotions(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("joy\n", "holds 1 labels"), ("joy\nfear\njoy\n", "holds the label 'joy' twice")],
)
def test_a_file_of_labels_that_cannot_be_is_refused(write, tmp_path, content, complaint):
    write(EMOTIONS, "train.tsv")
    write(content, "labels.txt")
    with pytest.raises(DataError, match=rf"labels\.txt: {complaint}"):
        read_emotions(tmp_path)


def test_a_file_of_labels_is_for_labels(write):
    with pytest.raises(
        UsageError, match=r"data\.labels=labels\.txt is for a target column that lists"
    ) as caught:
        tables.read(write(PENGUINS), target="species", labels="labels.txt")
    assert caught.value.fix == "data.target_type=labels"


def test_a_label_unseen_in_training_is_named_when_texts_are_read_alike(write):
    signature = tables.read(write(REPEATED), types=TEXT).signature
    path = write("y,text\nc,what is this supposed to be\n", "new.csv")
    with pytest.raises(DataError, match=r"new\.csv line 2: label 'c' does not occur in the training data"):
        tables.read_like(path, signature, {})


SEVERAL = "x,sex,weight,kind\n1,male,2.5,cat\n2,,3.5,dog\n3,female,,cow\n4,,,\n5,male,1.5,\n"


def test_targets_of_several_kinds_may_be_missing_but_not_all_at_once(write):
    path = write(SEVERAL)
    targets = ("sex", "weight", "kind")
    with pytest.raises(
        DataError,
        match=r"target 'sex' or 'weight' or 'kind' is missing in 1 row, first in table\.csv line 5",
    ):
        tables.read(path, target=targets)
    splits = tables.read(path, target=targets, drop_missing_target=True)
    assert splits.signature.target == Several(
        (Binary(("female", "male"), "sex"), Values(("weight",)), Classes(("cat", "cow", "dog"), "kind"))
    )
    assert splits.train.target["sex"].tolist() == ["male", "", "female", "male"]
    np.testing.assert_array_equal(splits.train.target["weight"], [[2.5], [3.5], [np.nan], [1.5]])
    assert splits.train.target["kind"].tolist() == ["cat", "dog", "cow", ""]
    again = tables.read_like(path, splits.signature, {"drop_missing_target": True})
    assert again.target["kind"].tolist() == ["cat", "dog", "cow", ""]


def test_yes_or_no_may_be_missing_and_values_may_not(write):
    path = write("x,a,b,c,d\n1,yes,,1.5,2\n2,no,yes,,3\n3,,no,2.5,4\n")
    train = tables.read(path, target=("a", "b"), drop=("c", "d")).train
    np.testing.assert_array_equal(train.target, [[1, np.nan], [0, 1], [np.nan, 0]])
    with pytest.raises(DataError, match=r"target 'c' or 'd' is missing in 1 row, first in table\.csv line 3"):
        tables.read(path, target=("c", "d"), drop=("a", "b"))


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
