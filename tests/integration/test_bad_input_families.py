"""Bad text, series, pictures with boxes and latent vectors through the command line: exit code and words."""

import json

import numpy as np
import pytest

from benchmarks.families import FAMILIES, write
from zoo.cli.program import program

USAGE, DATA, ARTIFACT, FAULT = 2, 3, 4, 6


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write(tmp_path)


@pytest.fixture
def refused(capsys):
    """Runs a command that must fail with this code and these words, and without a traceback."""

    def run(code, words, *said):
        assert program([str(word) for word in words]) == code
        err = capsys.readouterr().err
        assert "Traceback" not in err
        for each in said:
            assert each in err, err

    return run


def words_of(family, **changes):
    """The command that trains a family, with other data options."""
    known = FAMILIES[family]
    options = {**known.data, **changes}
    name = options.pop("name")
    listed = [
        f"data.{key}={json.dumps(value) if isinstance(value, list) else value}"
        for key, value in options.items()
    ]
    model = dict(known.model)
    architecture = model.pop("name")
    return ["train", architecture, "--data", name, "--run", "new", "epochs=1", *listed]


def test_text_in_another_encoding_is_named_with_its_byte(refused, folder):
    (folder / "texts.csv").write_bytes("text,label\nein Café am Fluss,ja\nnein,nein\n".encode("latin-1"))
    refused(DATA, words_of("text"), "texts.csv line 2: byte 18 (0xe9) is not utf-8", "data.encoding=latin-1")
    (folder / "story.txt").write_bytes("Café".encode("latin-1") * 200)
    refused(DATA, words_of("language"), "story.txt line 1: byte 3 (0xe9) is not utf-8")


def test_an_empty_text_for_a_language_model_is_refused(refused, folder):
    (folder / "story.txt").write_text("")
    refused(DATA, words_of("language"), "story.txt", "empty")


def test_a_series_with_a_gap_is_refused_by_line_and_can_be_filled(refused, folder):
    lines = (folder / "series.csv").read_text().splitlines()
    del lines[20:22]
    (folder / "series.csv").write_text("\n".join(lines) + "\n")
    refused(DATA, words_of("forecast"), "series.csv line 21", "missing between", "data.gaps=fill")
    assert program(words_of("forecast", gaps="fill")) == 0


def test_a_series_out_of_order_is_refused_by_line(refused, folder):
    lines = (folder / "series.csv").read_text().splitlines()
    lines[10], lines[11] = lines[11], lines[10]
    (folder / "series.csv").write_text("\n".join(lines) + "\n")
    refused(DATA, words_of("forecast"), "series.csv line 12", "'day'")


def test_a_horizon_longer_than_the_series_is_refused(refused, folder):
    refused(DATA, words_of("forecast", horizon=100), "80", "100")


@pytest.mark.parametrize(
    ("family", "words", "said"),
    [
        ("boxes", ["objective=supervised"], "objective 'supervised' is for classes or"),
        ("text", ["objective=detection"], "objective 'detection' is for boxes, but the data's target is"),
        ("sample", ["objective=variational"], "is played by model, but conditional-dcgan has generator"),
        ("several", ["data.target=[kind,kind]"], "data.target names 'kind' twice"),
        ("forecast", ["data.target=[a,a]"], "data.target names 'a' twice"),
        ("sequence", ["data.horizon=2"], "with data.group each series has one answer"),
        ("several", ["data.horizon=2"], "data.horizon is for a series"),
        ("text", ["data.size=8"], "data.size is for pictures and clips, and there is no use for it here"),
        ("several", ["data.latent=3"], "data.latent is for a generator"),
        ("boxes", ["data.tokens=words"], "data.tokens is for texts"),
    ],
)
def test_words_that_do_not_go_together_are_refused_before_a_run_is_made(refused, folder, family, words, said):
    refused(USAGE, [*words_of(family), *words], said)
    assert not (folder / "new").exists()


def test_a_box_without_a_label_is_refused_by_line(refused, folder):
    (folder / "shapes" / "instances.json").unlink()
    (folder / "shapes" / "boxes.csv").write_text(
        "file,label,left,top,right,bottom\n1.png,disc,1,1,9,9\n2.png,,1,1,9,9\n3.png,,,,,\n"
    )
    refused(DATA, words_of("boxes"), "boxes.csv line 3: a box without a label")


def test_a_box_outside_its_picture_is_refused_by_file_and_object(refused, folder):
    path = folder / "shapes" / "instances.json"
    document = json.loads(path.read_text())
    document["annotations"][0]["bbox"] = [80, 10, 40, 10]
    path.write_text(json.dumps(document))
    refused(
        DATA,
        words_of("boxes"),
        "instances.json",
        "reaches over the edge of the picture, 96 x 72",
        "data.outside=clip",
    )


def test_a_picture_that_an_annotation_names_and_that_is_missing_is_refused(refused, folder):
    (folder / "shapes" / "3.png").unlink()
    refused(DATA, words_of("boxes"), "names the picture 3.png, which is missing")


def test_cropping_pictures_with_boxes_is_refused(refused, folder):
    refused(USAGE, words_of("boxes", fit="crop"), "data.fit=crop would cut objects off", "data.fit=stretch")


def test_a_language_model_cannot_be_read_from_its_end(refused, folder):
    refused(USAGE, [*words_of("language"), "model.bidirectional=true"], "bidirectional")


def test_a_generator_learns_from_a_folder_of_nothing_but_pictures(refused, folder):
    flat = str(folder / "faces" / "dark")
    assert program(["train", "vae", "--data", flat, "data.size=8", "epochs=1", "--run", "new"]) == 0
    refused(
        DATA,
        ["train", "convnet", "--data", flat, "--run", "other"],
        "the data has one class folder (dark); there is nothing to tell apart",
    )


@pytest.mark.slow
def test_what_an_exported_model_of_texts_is_given(refused, folder, capsys):
    assert program(words_of("text")) == 0
    assert program(["export", "new"]) == 0
    capsys.readouterr()
    long = "rain " * 200_000
    assert (
        program(["predict", "new/model.onnx", "--text", "", "--text", "qzx vwk", "--text", long, "--json"])
        == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(row) for row in rows] == [{"input", "label", "probability"}] * 3
    (folder / "other.csv").write_text("text,label\nsun and rain,soggy\n")
    refused(
        DATA,
        ["evaluate", "new", "--data", "other.csv"],
        "other.csv line 2: label 'soggy' does not occur in the training data",
    )
    (folder / "mails").mkdir()
    for number, text in enumerate(("sun", "rain and rain")):
        (folder / "mails" / f"{number}.txt").write_text(text)
    assert program(["predict", "new/model.onnx", "mails", "--format", "csv"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "input,label,probability.wet"
    assert [line.split(",")[0] for line in lines] == ["mails/0.txt", "mails/1.txt"]
    (folder / "bad.txt").write_bytes(b"caf\xe9")
    refused(DATA, ["predict", "new/model.onnx", "bad.txt"], "bad.txt line 1: byte 3 (0xe9) is not utf-8")
    refused(DATA, ["predict", "new/model.onnx", "no.txt"], "no.txt: no such file or folder")
    refused(ARTIFACT, ["predict", "new"], "new: is a folder, not a model", "new/model.onnx")
    refused(
        USAGE,
        ["predict", "new/model.onnx", "--text", "rain", "texts.csv"],
        "INPUT and --text both say what to answer for",
    )
    refused(
        USAGE, ["predict", "new/model.onnx", "--text", "rain", "--label", "wet"], "--label is for --samples"
    )
    refused(USAGE, ["predict", "new/model.onnx", "--prompt", "rain"], "it does not continue texts")
    refused(USAGE, ["predict", "new/model.onnx", "--samples", "4"], "it generates no samples")
    refused(USAGE, ["predict", "new/model.onnx", "--text", "rain", "--draw", "x.png"], "which is not drawn")


@pytest.mark.slow
def test_what_an_exported_generator_is_given(refused, folder):
    assert program(words_of("sample")) == 0
    assert program(["export", "new"]) == 0
    np.savez(folder / "short.npz", latent=np.zeros((2, 3), np.float32), label=np.array(["dark", "light"]))
    refused(
        DATA, ["predict", "new/model.onnx", "short.npz", "--draw", "x.png"], "float32 [batch, 4]", "[2, 3]"
    )
    refused(USAGE, ["predict", "new/model.onnx", "--samples", "4"], "no file is named", "--draw grid.png")
    refused(
        USAGE, ["predict", "new/model.onnx", "--samples", "4", "--draw", "a.txt"], "a PNG is drawn", "a.png"
    )
    np.savez(folder / "nan.npz", latent=np.full((1, 4), np.nan, np.float32), label=np.array(["dark"]))
    refused(
        DATA,
        ["predict", "new/model.onnx", "nan.npz", "--draw", "x.png"],
        "vector 0 holds a number that is not",
    )
    refused(
        FAULT, ["predict", "new/model.onnx", "--samples", str(10**12), "--draw", "x.png"], "out of memory"
    )
    refused(
        USAGE,
        ["predict", "new/model.onnx", "--samples", "4", "--label", "drak", "--draw", "x.png"],
        "did you mean 'dark'?",
    )
    assert (
        program(["predict", "new/model.onnx", "--samples", "4", "--out", "made", "--draw", "grid.png"]) == 0
    )
    assert len(list((folder / "made").glob("*.png"))) == 4
    refused(USAGE, ["evaluate", "new/model.onnx", "--data", "faces"], "which no truth belongs to")
