"""Every exported file against PyTorch, from raw input, on the whole test split; and what its bytes hold."""

import getpass
import tempfile
from pathlib import Path

import numpy as np
import pytest

from acceptance.jobs import JOBS, zoo


@pytest.mark.parametrize("name", JOBS)
def test_the_file_answers_as_pytorch_does(done, compared, record, name):
    job, found = done(name), compared(name)
    certificate = job.exported["certificate"]
    torch_figure, onnx_figure = found.figure(found.torch), found.figure(found.onnx)
    # Values have units: what is compared is the difference as a share of the spread of the truth.
    scale = float(found.test.target.std()) if found.target.kind == "values" else 1.0
    difference = found.max_abs_difference / scale
    record(
        f"{name}, file against PyTorch",
        f"{torch_figure:.6g} and {onnx_figure:.6g}, largest difference {difference:.1e}, {len(found.test)} examples",
        demanded="same figure, <= 1e-5",
        command="zoo export RUN",
        seconds=job.export_s,
    )
    assert certificate["num_examples"] == len(found.test)
    assert 1 in certificate["batch_sizes"]
    assert onnx_figure == pytest.approx(torch_figure, rel=1e-6)
    assert difference <= 1e-5
    if found.labels is not None:
        agreeing = found.labels == found.test.target
        assert float(np.mean(agreeing)) == pytest.approx(certificate["metrics"]["onnx"]["accuracy"])


@pytest.mark.parametrize("name", JOBS)
def test_the_file_holds_no_local_path(done, shared, name):
    model = done(name).model
    content = model.read_bytes() + model.with_name("model.golden.npz").read_bytes()
    places = {
        str(model.parent),
        str(model.parent.parent),
        str(Path.cwd()),
        str(Path.home()),
        str(shared),
        tempfile.gettempdir(),
    }
    found = [place for place in places if place != "/" and place.encode() in content]
    found += [
        part for part in ("site-packages", ".py\x00", f"/{getpass.getuser()}/") if part.encode() in content
    ]
    assert not found


@pytest.mark.parametrize("name", JOBS)
def test_the_file_is_verified_where_it_lies(done, name):
    verified = zoo("verify", done(name).model, cwd=done(name).run)
    assert verified["num_examples"] > 0


@pytest.mark.parametrize("name", [name for name in JOBS if "mnist" not in name])
def test_evaluate_judges_the_file_and_the_run_alike(done, shared, name):
    job = done(name)
    data = job.job.source(shared, job.run.parent)
    of_file = zoo("evaluate", job.model, "--data", data, cwd=job.run)
    of_run = zoo("evaluate", job.run, "--data", data, cwd=job.run)
    assert of_file["num_examples"] == of_run["num_examples"] > job.exported["certificate"]["num_examples"]
    for metric, value in of_file["metrics"].items():
        assert value == pytest.approx(of_run["metrics"][metric], rel=1e-5)


def test_evaluate_takes_the_test_split_of_a_run_by_itself(done):
    job = done("mlp on penguins")
    evaluated = zoo("evaluate", job.run, cwd=job.run)
    assert evaluated["metrics"]["accuracy"] == pytest.approx(job.test["accuracy"])
    assert evaluated["num_examples"] == job.exported["certificate"]["num_examples"]
