"""Bad input through the command line: the exit code, the words, and nothing half-written."""

import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.cli.program import program
from zoo.runs import Run

USAGE, DATA, ARTIFACT, ENVIRONMENT = 2, 3, 4, 6
HEADER = "length,width,colour,kind"
ROWS = [
    f"{i % 7 + i % 2 * 3 + i / 100:.2f},{i % 5 + 0.5},{('red', 'blue')[i % 3 % 2]},{'ab'[i % 2]}"
    for i in range(60)
]
TRAIN = ("train", "perceptron", "epochs=1", "--run", "new", "--data")


def write_table(path, rows=ROWS, header=HEADER, encoding="utf-8"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)


def write_pictures(folder, num_each=12):
    random = np.random.default_rng(0)
    for darkness, name in ((0, "dark"), (128, "light")):
        (folder / name).mkdir(parents=True)
        for index in range(num_each):
            pixels = random.integers(0, 100, (8, 8)) + darkness
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{index}.png")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_in_half(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on a table and one on pictures, both exported; what the exports printed lies beside them."""
    folder = tmp_path_factory.mktemp("finished")
    write_table(folder / "good.csv")
    write_pictures(folder / "pictures")
    for name, data, words in (
        ("table", "good.csv", ["data.target=kind"]),
        ("picture", "pictures", []),
    ):
        run = str(folder / name)
        train = ["train", "perceptron", "epochs=2", "--run", run, "--data", str(folder / data), *words]
        assert program(train) == 0
        with (folder / f"{name}.json").open("w") as file, redirect_stdout(file):
            assert program(["export", run, "--json"]) == 0
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with one good table."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "good.csv")
    return tmp_path


@pytest.fixture
def runs(folder, finished):
    """The folder with copies of both runs; their data stays where it was."""
    for name in ("table", "picture"):
        shutil.copytree(finished / name, folder / name)
    return folder


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def say(capsys):
    def run(*words):
        capsys.readouterr()
        code = program([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def refused(say, folder):
    """Runs a command that must fail with these words and leave every file as it was."""

    def run(code, words, *expected):
        before = _contents(folder)
        said = say(*words)
        assert said.code == code, said.err
        for text in expected:
            assert text in said.err
        assert "Traceback" not in said.err
        assert "internal error" not in said.err
        assert said.out == ""
        assert _contents(folder) == before

    return run


def _contents(folder):
    return {
        str(path.relative_to(folder)): path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mpl", "--data", "iris"], ["there is no architecture 'mpl'", "fix: did you mean 'mlp'?"]),
        (["mlp", "--data", "irsi"], ["there is no dataset 'irsi'", "fix: did you mean 'iris'?"]),
        (["mlp"], ["no data is named", "fix: --data PATH", "breast-cancer"]),
        (["--data", "iris"], ["names no model", "fix: known: mlp, perceptron"]),
        (["mlp", "--data", "iris", "epoch=3"], ["unknown key 'epoch'", "did you mean 'epochs'?"]),
        (["mlp", "--data", "iris", "epochs"], ["'epochs' is not of the form key=value", "epochs=20"]),
        (["mlp", "--data", "iris", "epochs=many"], ["epochs=many", "epochs is int ≥ 1"]),
        (["mlp", "--data", "iris", "epochs=0"], ["epochs=0", "epochs is int ≥ 1"]),
        (
            ["mlp", "--data", "iris", "model.hiden=[8]"],
            ["unknown key 'model.hiden'", "did you mean 'hidden'?"],
        ),
        (["mlp", "--data", "iris", "model.dropout=2"], ["model.dropout=2", "float ≥ 0, < 1"]),
        (["mlp", "--data", "iris", "optimizer=adamv"], ["there is no optimizer 'adamv'", "'adam'"]),
        (["mlp", "--data", "iris", "loss=cross-entropi"], ["there is no loss", "'cross-entropy'"]),
        (
            ["mlp", "--data", "iris", "loss=mean-squared-error"],
            [
                "loss 'mean-squared-error' is for values or forecast, but the data's target is classes",
                "cross-entropy",
            ],
        ),
        (
            ["mlp", "--data", "iris", "metrics=[rmse]"],
            ["metric 'rmse' is for values", "metrics that fit: accuracy"],
        ),
        (
            ["lenet", "--data", "good.csv", "data.target=kind"],
            ["which can become table or vector; the network accepts image", "--accepts table"],
        ),
        (["mlp", "--data", "good.csv"], ["which column is to be predicted?", "data.target=kind"]),
        (["mlp", "--data", "good.csv", "data.target=knd"], ["no column 'knd'", "did you mean 'kind'?"]),
        (
            ["mlp", "--data", "good.csv", "data.tagret=kind"],
            ["unknown key 'data.tagret'", "did you mean 'target'?"],
        ),
        (["mlp", "--recipe", "none.toml"], ["recipe none.toml cannot be read"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "--data" in value else "",
)
def test_a_word_that_does_not_exist_or_fit_is_refused_with_the_nearest(refused, words, expected):
    refused(USAGE, ["train", *words], *expected)


def test_a_recipe_that_is_not_toml_is_refused_by_line(refused, folder):
    (folder / "bad.toml").write_text("epochs = = 3\n")
    refused(USAGE, ["train", "mlp", "--recipe", "bad.toml"], "bad.toml is not TOML", "line 1, column 10")


def test_an_unknown_command_names_the_nearest(refused):
    refused(USAGE, ["trian", "mlp"], "there is no command 'trian'", "did you mean 'train'?")


def test_an_existing_run_folder_is_never_written_to(refused, runs):
    words = ["train", "mlp", "--data", "iris", "--run", "table"]
    refused(USAGE, words, "run folder table exists", "`zoo resume table` continues it")


def test_a_run_folder_that_cannot_be_made_is_an_error_of_the_environment(refused):
    words = ["train", "perceptron", "--data", "iris", "epochs=1", "--run", "good.csv/below/run"]
    refused(ENVIRONMENT, words, "good.csv", "cannot be written: Not a directory", "check the folder's")


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("", [], ["bad.csv: is empty", "needs a header and at least one row"]),
        (HEADER, [], ["bad.csv: has a header but no rows"]),
        (
            HEADER,
            [row[:-1] + "a" for row in ROWS],
            ["target 'kind' is 'a' in every training example", "add examples of another class"],
        ),
        (
            HEADER,
            [f"{row.split(',')[0]},,red,{row[-1]}" for row in ROWS],
            ["column 'width' has no value in any row", "data.drop=[width]"],
        ),
        (
            HEADER,
            [*ROWS[:8], "1,2,red", *ROWS[8:]],
            ["bad.csv line 10: expected 4 fields, found 3", "correct the line"],
        ),
        (
            HEADER,
            [*ROWS[:4], "1,2,red,NaN", *ROWS[4:]],
            ["target 'kind' is missing in 1 row, first in bad.csv line 6", "data.drop_missing_target=true"],
        ),
        (
            HEADER,
            [*ROWS[:4], "inf,2,red,a", *ROWS[4:]],
            ["bad.csv line 6, column 'length': 'inf' is not a finite number", "data.missing"],
        ),
        (HEADER, ROWS[:2], ["2 examples are too few to split off test", "data.test"]),
        (
            "length,length,colour,kind",
            ROWS,
            ["several columns have the same name: 'length'", "data.names"],
        ),
    ],
    ids=["empty", "header", "one class", "gap", "ragged", "no target", "infinite", "too few", "same name"],
)
def test_a_table_that_nothing_can_be_learned_from_is_refused_by_place(
    refused, folder, header, rows, expected
):
    write_table(folder / "bad.csv", rows, header)
    refused(DATA, [*TRAIN, "bad.csv", "data.target=kind"], *expected)


def test_a_number_to_predict_that_is_missing_is_refused(refused, folder):
    write_table(folder / "bad.csv", [*ROWS[:4], "1,nan,red,a", *ROWS[4:]])
    words = [*TRAIN, "bad.csv", "data.target=width"]
    refused(DATA, words, "target 'width' is missing in 1 row, first in bad.csv line 6")


def test_bytes_of_another_encoding_are_refused_with_the_encoding_to_try(refused, say, folder):
    rows = [row.replace("red", "rosé") for row in ROWS]
    write_table(folder / "latin.csv", rows, encoding="latin-1")
    words = [*TRAIN, "latin.csv", "data.target=kind"]
    refused(DATA, words, "latin.csv line 2: byte 37 (0xe9) is not utf-8", "data.encoding=latin-1")
    assert say(*words, "data.encoding=latin-1").code == 0


def test_a_path_that_does_not_exist_names_the_nearest_file(refused):
    refused(DATA, [*TRAIN, "./god.csv"], "god.csv: no such file", "did you mean 'good.csv'?")


def test_a_file_that_no_reader_reads_says_what_each_expected(refused, folder):
    (folder / "notes.doc").write_text("hello")
    refused(DATA, [*TRAIN, "notes.doc"], "no reader can read it", "tables: does not end in .csv", "IDX:")


def test_a_torn_npz_file_is_refused(refused, folder):
    (folder / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    refused(DATA, [*TRAIN, "torn.npz"], "torn.npz: is damaged", "save the file again")


def test_every_broken_picture_is_listed_before_training_whichever_split_it_is_in(refused, folder):
    write_pictures(folder / "pictures")
    truncated = [folder / f"pictures/dark/{index}.png" for index in range(8)]
    for path in truncated:
        path.write_bytes(path.read_bytes()[:60])
    # Text of its own each: equal files would all fall into one split.
    mislabelled = [folder / f"pictures/light/{index}.png" for index in range(8)]
    for path in mislabelled:
        path.write_text(f"no picture {path.name}")
    names = [f"{path.parent.name}/{path.name}: " for path in truncated + mislabelled]
    refused(
        DATA,
        [*TRAIN, "pictures"],
        "16 of 24 pictures cannot be read",
        *names,
        "light/5.png: is not an image",
        "remove these files or fetch them again",
    )


def test_a_picture_of_another_format_than_its_name_is_read_by_its_content(say, folder):
    write_pictures(folder / "pictures")
    Image.new("L", (8, 8), 7).save(folder / "pictures/dark/3.png", format="BMP")
    assert say(*TRAIN, "pictures").code == 0


def test_one_class_folder_is_nothing_to_tell_apart(refused, folder):
    write_pictures(folder / "pictures")
    shutil.rmtree(folder / "pictures/light")
    refused(DATA, [*TRAIN, "pictures"], "has one class folder (dark)", "add a folder for another class")


def test_a_class_folder_without_pictures_is_refused_by_name(refused, folder):
    write_pictures(folder / "pictures")
    (folder / "pictures/grey").mkdir()
    refused(DATA, [*TRAIN, "pictures"], "class folders without pictures: grey")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_in_half])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("command", [["resume", "table"], ["export", "table", "-o", "new.onnx"]])
def test_damaged_checkpoints_are_refused_by_file(refused, runs, command, name, damage):
    for checkpoint in (runs / "table/checkpoints").iterdir():
        damage(checkpoint / name)
    refused(ARTIFACT, command, "no checkpoint in table/checkpoints is whole", name, "train again")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("preprocessing.onnx", "preprocessing.onnx is damaged"),
        ("recipe.toml", "recipe.toml is damaged"),
        ("environment.json", "environment.json is damaged"),
    ],
)
def test_a_damaged_file_of_a_run_is_refused_by_name(refused, runs, name, expected):
    path = runs / "table" / name
    path.write_bytes(path.read_bytes()[:-40] + b"= {")
    refused(ARTIFACT, ["export", "table", "-o", "new.onnx"], expected, "restore it from a copy")


@pytest.mark.parametrize("command", ["resume", "export", "evaluate"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [("absent", "it does not exist"), ("good.csv", "it is a file"), (".", "it has no recipe.toml")],
)
def test_what_is_no_run_folder_is_refused(refused, command, path, reason):
    refused(USAGE, [command, path], f"{path} is not a run folder: {reason}", "`zoo runs`")


def test_an_output_in_no_folder_is_refused_before_the_work(refused, runs):
    words = ["export", "table", "-o", "absent/model.onnx"]
    refused(USAGE, words, "there is no folder absent", "mkdir -p absent")


def test_a_changed_table_is_refused_on_export(refused, folder):
    assert program([*TRAIN, "good.csv", "data.target=kind"]) == 0
    write_table(folder / "good.csv", ROWS[:-1])
    refused(USAGE, ["export", "new"], "what new was trained with has changed", "fingerprint")


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "table/model.onnx"],
        ["predict", "table/model.onnx", "good.csv"],
        ["evaluate", "table/model.onnx", "--data", "good.csv"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip_a_bit, "model.onnx is damaged: its bytes are not the ones that were exported"),
        (cut_in_half, "model.onnx"),
        (lambda path: path.write_bytes(b""), "model.onnx"),
        (lambda path: path.write_text("hello"), "model.onnx was not exported by Zoo"),
        (Path.unlink, "model.onnx: no such file"),
    ],
    ids=["bit", "half", "empty", "text", "absent"],
)
def test_a_damaged_model_is_refused_before_it_is_loaded(refused, runs, words, damage, expected):
    damage(runs / "table/model.onnx")
    refused(ARTIFACT, words, expected, "fix: ")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip_a_bit, "model.golden.npz is damaged, or belongs to another model than model.onnx"),
        (cut_in_half, "model.golden.npz is damaged, or belongs to another model than model.onnx"),
        (Path.unlink, "model.golden.npz is missing: it belongs beside model.onnx"),
    ],
    ids=["bit", "half", "absent"],
)
def test_damaged_golden_examples_are_refused(refused, runs, damage, expected):
    damage(runs / "table/model.golden.npz")
    refused(ARTIFACT, ["verify", "table/model.onnx"], expected, "copy both files again")


def test_an_exported_model_is_not_judged_without_data(refused, runs):
    refused(USAGE, ["evaluate", "table/model.onnx"], "judged on data of your choice", "add --data DATA")


def test_a_run_is_not_judged_on_another_kind_of_data(refused, runs):
    refused(DATA, ["evaluate", "table", "--data", "iris"], "'iris' has other inputs or labels")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("lenght,width,colour\n1,2,red\n", ["no column 'length'", "did you mean 'lenght'?"]),
        (
            "length,width,colour\n1,2,red\n1,wide,red\n",
            ["input.csv line 3, column 'width': 'wide' is not a finite number"],
        ),
        ("length,width,colour\n1,2,red\n1,2\n", ["input.csv line 3: expected 3 fields, found 2"]),
        ("", ["input.csv: is empty"]),
    ],
    ids=["columns", "word", "ragged", "empty"],
)
def test_rows_that_the_model_does_not_take_are_refused_by_place(refused, runs, content, expected):
    (runs / "input.csv").write_text(content)
    refused(DATA, ["predict", "table/model.onnx", "input.csv"], *expected)


def test_unknown_words_and_gaps_are_answered(say, runs):
    (runs / "input.csv").write_text("colour,length,width,more\ngreen,1,2,x\n,,,\n")
    said = say("predict", "table/model.onnx", "input.csv", "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert [row["input"] for row in rows] == ["input.csv:2", "input.csv:3"]
    assert {row["label"] for row in rows} <= {"a", "b"}


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        ("table", "absent.csv", "absent.csv: no such file"),
        ("picture", "absent.png", "absent.png: no such file or folder"),
        ("table", "picture.png", "picture.png: the model takes the columns of a table"),
        ("picture", "good.csv", "good.csv: is not an image"),
        ("picture", "text.png", "text.png: is not an image"),
        ("picture", "hollow", "hollow: holds no pictures"),
        ("picture", "floats.npz", "input 'image': expected uint8 [batch, any, any, 1], found float32 [2, 3]"),
    ],
)
def test_files_that_the_model_does_not_take_are_refused_by_name(refused, runs, model, given, expected):
    Image.new("L", (8, 8)).save(runs / "picture.png")
    (runs / "text.png").write_text("no picture")
    (runs / "hollow").mkdir()
    np.savez(runs / "floats.npz", x=np.zeros((2, 3), np.float32))
    refused(DATA, ["predict", f"{model}/model.onnx", given], expected)


def test_predicting_nothing_is_refused(refused, runs):
    refused(
        USAGE, ["predict", "table/model.onnx"], "there is nothing to answer for", "name at least one file"
    )


def test_a_broken_plugin_is_named_and_disturbs_nothing(site, say):
    site.install("zoo-torn", "raise RuntimeError('torn apart')")
    listed = say("list", "architectures")
    assert listed.code == 0
    assert "warning: plugin zoo-torn 1.0 is broken: RuntimeError: torn apart" in listed.err
    assert "mlp" in listed.out
    trained = say("train", "torn", "--data", "iris")
    assert trained.code == USAGE
    assert "broken plugins: zoo-torn (RuntimeError: torn apart)" in trained.err


def test_an_error_reaches_the_shell_as_its_exit_code_without_a_traceback(zoo_command, tmp_path):
    said = zoo_command("train", "mlp", "--data", "irsi", "--run", "new", cwd=tmp_path)
    assert said.returncode == USAGE
    assert said.stdout == ""
    assert said.stderr.splitlines() == [
        "error: there is no dataset 'irsi', and no file or folder of that name",
        "fix: did you mean 'iris'?",
    ]
    assert not list(tmp_path.iterdir())


def test_debug_adds_the_traceback(say, folder):
    said = say("--debug", "train", "mlp", "--data", "irsi")
    assert said.code == USAGE
    assert "Traceback" in said.err


def test_list_prints_objects_with_these_keys(say):
    rows = json.loads(say("list", "--json").out)
    facts = ("reference", "params", "size", "accepts", "predicts", "conformance", "reason")
    assert {tuple(row) for row in rows} == {
        ("kind", "name", "plugin", "version", "summary", *facts, "status")
    }
    assert {row["status"] for row in rows} == {"ok"}


def test_train_ends_with_one_object_of_these_keys(say, folder):
    said = say(*TRAIN, "good.csv", "data.target=kind", "--json")
    document = json.loads(said.out.splitlines()[-1])
    assert list(document) == ["run", "metrics"]
    assert document["run"] == "new"
    assert set(document["metrics"]) == {"test", "validation"}
    assert list(document["metrics"]["test"]) == ["loss", "accuracy", "f1", "auroc"]


def test_evaluate_prints_one_object_of_these_keys(say, runs):
    of_run = json.loads(say("evaluate", "table", "--json").out)
    of_file = json.loads(say("evaluate", "table/model.onnx", "--data", "good.csv", "--json").out)
    assert list(of_run) == list(of_file) == ["metrics", "num_examples"]
    assert (of_run["num_examples"], of_file["num_examples"]) == (12, 60)
    assert set(of_file["metrics"]) == {"accuracy", "f1", "auroc"}


def test_export_prints_one_object_of_these_keys(finished):
    document = json.loads((finished / "table.json").read_text())
    certificate = document["certificate"]
    assert list(document) == ["model", "certificate"]
    assert document["model"] == str(finished / "table/model.onnx")
    assert set(certificate["max_abs_error"]) == {"scores", "probability"}
    assert certificate["batch_sizes"] == [1, 2, 7, 12]
    assert set(certificate["metrics"]) == {"torch", "onnx"}
    assert set(certificate["metrics"]["onnx"]) == {"accuracy", "f1", "auroc"}


def test_predict_prints_an_object_a_line_with_these_keys(say, runs):
    said = say("predict", "table/model.onnx", "good.csv", "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert len(rows) == 60
    assert {tuple(row) for row in rows} == {("input", "label", "probability")}
    assert rows[0]["input"] == "good.csv:2"


def test_a_run_with_an_undefined_metric_ends_well_and_is_exported(say, folder):
    rows = [f"{i % 7},{i % 5},red,a" for i in range(60)]
    write_table(folder / "rare.csv", [*rows, "9,9,blue,b"])
    words = ("rare.csv", "data.target=kind", "metrics=[accuracy,auroc]")
    said = say("train", "perceptron", "epochs=1", "--run", "rare", "--data", *words)
    assert (said.code, said.out.count("nan")) == (0, 2)
    said = say("export", "rare")
    assert (said.code, said.out.count("nan")) == (0, 2)
    assert say("verify", "rare/model.onnx").code == 0


@pytest.mark.parametrize("word", [f"seed={2**63}", f"batch_size={2**64}", f"model.hidden=[{2**63}]"])
def test_a_whole_number_that_no_recipe_holds_is_refused(refused, word):
    refused(
        USAGE,
        ["train", "mlp", "--data", "iris", "--run", "new", word],
        "a whole number has more than 64 bits",
    )


def test_words_that_are_not_about_data_are_refused_where_a_run_is_judged(refused, runs):
    refused(USAGE, ["evaluate", "table", "epochs=3"], "'epochs' says nothing about data")


def test_a_failing_export_of_a_run_that_is_being_trained_says_so(refused, runs):
    flip_a_bit(max((runs / "table/checkpoints").glob("*/model.safetensors")))
    with Run(runs / "table").held():
        refused(ENVIRONMENT, ["export", "table"], "table is in use by process")


def test_a_killed_run_is_stopped_where_its_newest_checkpoint_is(say, runs):
    run = Run(runs / "table")
    run.write_status(state="running", step=0)
    newest = max(int(path.name.removeprefix("step-")) for path in run.checkpoints_path.iterdir())
    states = {each["run"]: each for each in json.loads(say("runs", ".", "--json").out)}
    assert (states["table"]["state"], states["table"]["step"]) == ("stopped", newest)
    with run.held():
        assert ["table", "running", str(newest)] in [
            line.split() for line in say("runs", ".").out.splitlines()
        ]


def test_an_answer_that_is_no_number_is_null_in_json(say, runs):
    # One weight times infinity less another is no number, whichever signs the weights have.
    (runs / "huge.csv").write_text("length,width,colour\n1e39,1e39,red\n1e39,-1e39,red\n")
    said = say("predict", runs / "table/model.onnx", "huge.csv", "--json")
    assert said.code == 0
    probabilities = [json.loads(line)["probability"] for line in said.out.splitlines()]
    assert probabilities.count(None) == 1


@pytest.mark.parametrize("closed", [1, 2], ids=["output", "errors"])
def test_a_closed_stream_stops_nothing(tmp_path, closed):
    zoo = Path(sys.executable).with_name("zoo")
    words = f"{zoo} train perceptron --data iris epochs=1 --run run {closed}>&-"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "internal error" not in done.stderr
    assert (tmp_path / "run/report.html").is_file()
