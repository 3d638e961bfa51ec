"""Terminal escapes, line ends, reversed text and formulas in names: escaped for people, exact for programs."""

import csv
import io
import json

import numpy as np

from tests.hostile import forging

ESCAPE, BIDI, FORMULA = "\x1b[2J\x1b]0;owned\x07", "\u202egpj.exe\u2066", "=cmd|' /C calc'!A0"
LABELS = (f"a{ESCAPE}", f"b{BIDI}\nsecond", FORMULA)
FORBIDDEN = {"\x1b", "\x07", "\u202e", "\u2066", "\r", "\0", "\x9b"}


def table(folder, column="length"):
    """A table with such labels, and with such names of columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column, f"wide{ESCAPE}", "kind"])
    writer.writerows([place % 3 * 5 + place / 100, place % 7, LABELS[place % 3]] for place in range(90))
    (folder / "labels.csv").write_text(text.getvalue(), newline="")


def shown(said):
    """What reached the terminal, on either stream."""
    return set(said.out + said.err)


def test_labels_with_escapes_are_escaped_in_tables_and_exact_in_json(said, folder):
    table(folder)
    trained, exported, *answers = said(
        ["train", "perceptron", "--data", "labels.csv", "data.target=kind", "epochs=3", "--run", "run"],
        ["export", "run"],
        ["predict", "run/model.onnx", "labels.csv"],
        ["predict", "run/model.onnx", "labels.csv", "--json"],
        ["predict", "run/model.onnx", "labels.csv", "--format", "csv"],
    )
    assert [each.code for each in (trained, exported, *answers)] == [0] * 5
    for each in (trained, exported, answers[0]):
        assert not FORBIDDEN & shown(each), each
    rows = [json.loads(line) for line in answers[1].out.splitlines()]
    assert {label for row in rows for label in row["probabilities"]} == set(LABELS)
    assert "\x1b" not in answers[1].out
    cells = list(csv.DictReader(io.StringIO(answers[2].out, newline="")))
    assert {row["label"] for row in cells} <= set(LABELS)


def test_names_with_escapes_are_escaped_in_every_message(refused, run, folder):
    name = f"x{ESCAPE}{BIDI}"
    table(folder, column=f"length{BIDI}")
    (folder / f"{name}.csv").write_text(f"{name},{name}\n1,2\n")
    (folder / f"{name}.onnx").write_bytes(b"nothing")
    np.savez(folder / "x.npz", **{name.replace("/", ""): np.ones((2, 2))})
    commands = [
        ["train", "perceptron", "--data", f"{name}.csv", "data.target=kind"],
        ["train", "perceptron", "--data", "labels.csv", f"data.target={name}"],
        ["train", "perceptron", "--data", "labels.csv", "data.target=knd"],
        ["train", name, "--data", "labels.csv"],
        ["train", "perceptron", "--data", f"missing{name}.csv"],
        ["predict", f"{name}.onnx", "labels.csv"],
        ["predict", "run/model.onnx", "labels.csv"],
        ["predict", "run/model.onnx", "x.npz"],
        ["show", name],
        ["resume", name],
        [name],
    ]
    for each in refused(*commands):
        assert not FORBIDDEN & shown(each), each


def test_a_certificate_with_escapes_is_escaped_in_messages(refused, run, folder):
    def change(document):
        document["signature"]["inputs"][0]["name"] = f"length{ESCAPE}"

    forging.model(run / "model.onnx", certificate=change)
    [said] = refused(["predict", "run/model.onnx", "good.csv"], codes=(4,))
    assert "its certificate speaks of" in said.err
    assert not FORBIDDEN & shown(said)


def test_the_states_of_runs_are_escaped(said, run, folder):
    (run / "status.json").write_text(
        json.dumps({"state": ESCAPE, "step": BIDI, "metrics": {"test": {ESCAPE: 1.0}}})
    )
    (folder / "runs").mkdir()
    run.rename(folder / "runs" / f"r{ESCAPE}")
    listed, as_json = said(["runs"], ["runs", "--json"])
    assert (listed.code, as_json.code) == (0, 0)
    assert not FORBIDDEN & shown(listed)
    assert json.loads(as_json.out)[0]["state"] == ESCAPE
