"""Penguins: a table with strings and missing values in, label strings out."""

import json

import numpy as np
import onnxruntime

from acceptance.jobs import JOBS, zoo, zoo_lines

SPECIES = ["Adelie", "Chinstrap", "Gentoo"]


def test_an_mlp_names_97_in_a_hundred_species(done, record):
    job = done("mlp on penguins")
    accuracy = job.test["accuracy"]
    record(
        "mlp on penguins",
        f"accuracy {accuracy:.4f}",
        demanded=">= 0.97",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert accuracy >= 0.97


def test_other_seeds_do_as_well(shared, tmp_path, record):
    words = JOBS["mlp on penguins"].command(shared)
    runs = [zoo("train", *words, f"seed={seed}", "--run", f"seed-{seed}", cwd=tmp_path) for seed in range(5)]
    accuracies = [run["metrics"]["test"]["accuracy"] for run in runs]
    record(
        "mlp on penguins, seeds 0 to 4",
        ", ".join(f"{accuracy:.4f}" for accuracy in accuracies),
        demanded="mean >= 0.97",
        command=f"{JOBS['mlp on penguins']} seed=0 … 4",
    )
    assert np.mean(accuracies) >= 0.97


def test_the_file_takes_strings_and_missing_values_and_answers_strings_in_onnx_runtime_alone(done, record):
    session = onnxruntime.InferenceSession(str(done("mlp on penguins").model))
    row = {
        "island": np.array(["Biscoe", "", "Atlantis"], dtype=object),
        "bill_length_mm": np.array([46.1, np.nan, 39.1]),
        "bill_depth_mm": np.array([13.2, np.nan, 18.7]),
        "flipper_length_mm": np.array([211.0, np.nan, 181.0]),
        "body_mass_g": np.array([4500.0, np.nan, 3750.0]),
        "sex": np.array(["female", "", "male"], dtype=object),
        "year": np.array([2007.0, np.nan, 2007.0]),
    }
    label, probabilities = session.run(["label", "probabilities"], row)
    record("penguins, strings and gaps in, strings out", ", ".join(label), demanded="Gentoo, any, Adelie")
    assert label[0] == "Gentoo"
    assert label[2] == "Adelie"
    assert set(label) <= set(SPECIES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_predict_answers_for_a_row_of_the_csv_file(done, shared):
    rows = zoo_lines("predict", done("mlp on penguins").model, shared / "penguins/penguins.csv", cwd=shared)
    assert len(rows) == 344
    assert list(rows[0]) == ["input", "label", "probabilities"]
    assert list(rows[0]["probabilities"]) == SPECIES
    assert rows[0]["input"].endswith("penguins.csv:2"), json.dumps(rows[0])
