"""Pickles under every name, and names of code in every text: nothing is ever executed."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from tests.hostile import forging
from tests.hostile.payloads import CANARY, contents, npz

PAYLOADS = contents()
SPELLINGS = (
    "os.system",
    "os:system",
    "builtins:eval",
    "builtins.exec",
    "evil",
    "evil:run",
    "evil.run",
    "zoo-core/evil:run",
    "__import__('evil')",
    "evil/run",
    "../evil.py",
)


def plant(folder):
    """A module that makes the canary as soon as it is imported."""
    code = f"open({CANARY!r}, 'w').close()\n\ndef run(*args, **kwargs):\n    raise SystemExit(open({CANARY!r}, 'w'))\n"
    (folder / "evil.py").write_text(code)


@pytest.mark.parametrize("name", [name for name in PAYLOADS if name not in ("torch", "npy", "npz")])
def test_each_payload_is_one(folder, name):
    (folder / "payload").write_bytes(PAYLOADS[name])
    code = "import pickle; pickle.load(open('payload', 'rb'))"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, capture_output=True)
    assert (folder / CANARY).exists()


def test_the_planted_module_is_one(folder):
    plant(folder)
    subprocess.run([sys.executable, "-c", "import evil"], cwd=folder, check=True)
    assert (folder / CANARY).exists()


def rotated(suffixes):
    """Every payload under some of the names, every name with some of the payloads."""
    for place, (name, content) in enumerate(PAYLOADS.items()):
        for step in range(3):
            yield f"{name}.{suffixes[(3 * place + step) % len(suffixes)]}", content


def test_a_pickle_is_refused_as_data_as_a_model_and_as_an_input(refused, run, folder):
    commands = []
    for name, content in rotated(("pt", "pth", "bin", "pkl", "npy", "npz", "safetensors", "onnx")):
        (folder / name).write_bytes(content)
        commands += [
            ["predict", "run/model.onnx", name],
            ["predict", name, "good.csv"],
            ["verify", name],
            ["train", "perceptron", "--data", name],
            ["evaluate", name, "--data", "good.csv"],
        ]
    for each in refused(*commands):
        if each.words[0] == "verify" or each.words[2:] == ["good.csv"]:
            assert each.code == 4, each


def test_a_pickle_with_the_name_of_data_is_refused(refused, run, folder):
    commands = []
    for number, (name, content) in enumerate(
        rotated(("csv", "tsv", "parquet", "txt", "json", "png", "xml", "idx3-ubyte.gz"))
    ):
        place = folder / str(number)
        for label in ("a", "b"):
            (place / label).mkdir(parents=True)
            (place / label / name.replace("idx3", "images-idx3")).write_bytes(content)
        path = place / "a" / name.replace("idx3", "images-idx3")
        commands.append(["predict", "run/model.onnx", path])
        commands += [["train", "perceptron", "--data", each, "data.target=x"] for each in (place, path)]
    refused(*commands)


def test_a_pickle_in_place_of_any_file_of_a_run_is_refused(refused, run, folder):
    files = (
        "model_safetensors",
        "optimizer_safetensors",
        "state_json",
        "preprocessing",
        "recipe",
        "environment",
    )
    commands = []
    for number, (name, content) in enumerate(PAYLOADS.items()):
        for file in files if name in ("torch", "npz", "system-4") else (files[number % len(files)],):
            other = folder / f"{name}-{file}"
            shutil.copytree(run, other)
            if file in files[:3]:
                forging.checkpoint(max((other / "checkpoints").iterdir()), **{file: content})
            elif file == "preprocessing":
                forging.preprocessing(other, content)
            else:
                (other / {"recipe": "recipe.toml"}.get(file, "environment.json")).write_bytes(content)
            commands += [
                ["resume", other, "epochs=2"],
                ["evaluate", other],
                ["export", other, "-o", "new.onnx"],
            ]
    refused(*commands, codes=(4,))


def test_golden_examples_of_python_objects_are_refused_although_their_digest_is_right(refused, run):
    commands = []
    for number, content in enumerate((*PAYLOADS.values(), npz({"input_0": PAYLOADS["npy"]}))):
        path = run / f"{number}.onnx"
        shutil.copy(run / "model.onnx", path)
        forging.model(path, golden=content)
        commands.append(["verify", path])
    for each in refused(*commands, codes=(4,)):
        assert "golden.npz cannot be read" in each.err


def test_a_postscript_file_never_reaches_an_interpreter(said, folder):
    """Pillow hands PostScript to ``gs``, whatever the file is called."""
    (folder / "gs").write_text(f"#!/bin/sh\ntouch {folder / CANARY}\n")
    (folder / "gs").chmod(0o755)
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    for label in ("a", "b"):
        (folder / "photos" / label).mkdir(parents=True)
        for place in range(8):
            (folder / "photos" / label / f"{place}.png").write_bytes(page + b"%%%d\n" % place)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
    try:
        [done] = said(["train", "perceptron", "--data", "photos"])
    finally:
        os.environ["PATH"] = before
    assert done.code == 3
    assert "is not an image" in done.err


KEYS = ("model", "loss", "optimizer", "schedule", "objective", "data", "initialization.weights", "metrics")


def test_text_that_names_code_is_a_name_that_does_not_exist(refused, folder):
    plant(folder)
    (folder / "good.csv").write_text(
        "a,b,label\n" + "".join(f"{i},{i % 3},{'xy'[i % 2]}\n" for i in range(40))
    )
    commands = [["show", text] for text in SPELLINGS]
    for key in KEYS:
        for place, text in enumerate(SPELLINGS):
            value = f"[{json.dumps(text)}]" if key == "metrics" else json.dumps(text)
            lines = {"model": '"perceptron"', "data": '"good.csv"', key: value}
            (folder / f"{key}-{place}.toml").write_text(
                "".join(f"{name} = {each}\n" for name, each in lines.items())
            )
            commands.append(["train", "--recipe", f"{key}-{place}.toml"])
    assert all("fix: " in each.err for each in refused(*commands, codes=(2, 3, 5)))


def test_a_run_or_a_certificate_that_names_code_is_refused(refused, said, run, folder):
    plant(folder)
    recipe, environment = (
        (run / "recipe.toml").read_text(),
        json.loads((run / "environment.json").read_text()),
    )
    commands, answered = [], []
    for number, text in enumerate(SPELLINGS):
        for old in ('name = "perceptron"', 'name = "adam"'):
            assert old in recipe
            other = folder / f"{number}-{old[8]}"
            shutil.copytree(run, other)
            (other / "recipe.toml").write_text(recipe.replace(old, f"name = {json.dumps(text)}"))
            commands.append(["evaluate", other])
        other = folder / f"{number}-environment"
        shutil.copytree(run, other)
        plugin = {"distribution": text, "version": text}
        (other / "environment.json").write_text(json.dumps({**environment, "plugins": [plugin]}))
        commands.append(["evaluate", other])
        named = {"plugins": [plugin], "recipe": {"model": {"_target_": text}}, "versions": {"zoo": text}}
        forging.model(other / "model.onnx", certificate=lambda document, named=named: {**document, **named})
        answered.append(["predict", other / "model.onnx", "good.csv", "--json"])
    refused(*commands)
    assert [each.code for each in said(*answered)] == [0] * len(SPELLINGS)


def test_a_zip_with_a_way_out_writes_nothing_anywhere(refused, run, folder):
    array = io.BytesIO()
    np.save(array, np.zeros((2, 2)))
    before = set(folder.parent.rglob("*"))
    names = []
    for place, name in enumerate(("../x.npy", "/tmp/zoo-x.npy", "C:\\x.npy", "a/../../x.npy", "x.npy\0.txt")):
        with zipfile.ZipFile(folder / f"{place}.npz", "w") as archive:
            archive.writestr(name, array.getvalue())
        names.append(f"{place}.npz")
    refused(*(["train", "perceptron", "--data", name] for name in names), codes=(3,))
    refused(*(["predict", "run/model.onnx", name] for name in names), codes=(3,))
    assert set(folder.parent.rglob("*")) - before == {folder / name for name in names}
