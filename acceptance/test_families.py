"""Text, series, detection, generation and several targets on real data: the figures, from exported files."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from acceptance.jobs import FAMILIES, ZOO, run, zoo, zoo_lines

# Job, metric of the exported file on the test split, whether more is better, and the figure demanded.
FIGURES = [
    ("gru on sms_spam", "accuracy", True, 0.975),
    ("gru on sms_spam", "f1", True, 0.92),
    ("gru on names_by_language", "accuracy", True, 0.82),
    ("gru on goemotions", "micro_f1", True, 0.50),
    ("gru on airline_passengers", "rmse", False, 25.0),
    ("gru on daily_min_temperatures", "rmse", False, 2.25),
    ("detector on bccd", "map_50", True, 0.88),
]


@pytest.mark.parametrize(("name", "metric", "is_more_better", "demanded"), FIGURES)
def test_the_exported_file_reaches_the_figure(done, record, name, metric, is_more_better, demanded):
    job = done(name)
    value = job.onnx[metric]
    others = ", ".join(
        f"{key} {each:.4f}" for key, each in job.onnx.items() if key != metric and not key.endswith("]")
    )
    record(
        f"{name}, {metric}",
        f"{metric} {value:.4f} ({others}), {job.training_s / 60:.1f} min",
        demanded=f"{'>=' if is_more_better else '<='} {demanded:g}",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert value >= demanded if is_more_better else value <= demanded


@pytest.mark.parametrize("name", FAMILIES)
def test_the_certificate_has_the_same_metric_both_ways_at_batches_of_1_2_and_7(done, record, name):
    certificate = done(name).exported["certificate"]
    torch, onnx = certificate["metrics"]["torch"], certificate["metrics"]["onnx"]
    worst = max(certificate["max_abs_error"].values())
    record(
        f"{name}, certificate",
        f"{len(onnx) or 'no'} metrics alike, largest error {worst:.1e}, batches {certificate['batch_sizes']}",
        demanded="same metrics, batches 1, 2, 7",
        command="zoo export RUN",
        seconds=done(name).export_s,
    )
    assert certificate["signature"]["target"]["kind"] == FAMILIES[name].target
    assert {1, 2, 7} <= set(certificate["batch_sizes"])
    for metric, value in torch.items():
        assert onnx[metric] == pytest.approx(value, rel=1e-4, nan_ok=True), metric


def test_a_language_model_reaches_its_figures_and_continues_a_prompt(done, record):
    job = done("lstm on tinyshakespeare")
    validation, test = (job.trained["metrics"][split]["loss"] for split in ("validation", "test"))
    words = ["--prompt", "ROMEO:", "--max-tokens", "300", "--temperature", "0.8", "--seed", "7"]
    (sample,) = zoo_lines("predict", job.model, *words, cwd=job.run)
    print(sample["prompt"] + sample["continuation"])
    record(
        "lstm on tinyshakespeare",
        f"validation {validation:.3f}, test {test:.3f} nats a character, {job.training_s / 60:.1f} min; "
        f"{sample['continuation'][:80]!r}",
        demanded="validation <= 1.52, test <= 1.75",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert math.log(job.onnx["perplexity"]) == pytest.approx(test, abs=1e-4)
    assert len(sample["continuation"]) == 300
    assert validation <= 1.52
    assert test <= 1.75


def test_forecasts_beat_persistence_and_the_season(done, shared, record):
    with (shared / "airline_passengers/airline-passengers.csv").open() as file:
        series = np.array([float(row["Passengers"]) for row in csv.DictReader(file)])
    start = len(series) - round(0.2 * len(series))
    errors = {
        lag: float(np.sqrt(np.mean((series[start:] - series[start - lag : len(series) - lag]) ** 2)))
        for lag in (1, 12)
    }
    value = done("gru on airline_passengers").onnx["rmse"]
    record(
        "airline_passengers, baselines",
        f"RMSE {value:.1f}, persistence {errors[1]:.1f}, seasonal naive {errors[12]:.1f}",
        demanded="below both",
    )
    assert value < min(errors.values())


def test_objects_are_drawn_on_test_pictures(done, shared, record, tmp_path):
    job = done("detector on bccd")
    names = (shared / "bccd/BCCD/ImageSets/Main/test.txt").read_text().split()[:3]
    for name in names:
        picture = shared / f"bccd/BCCD/JPEGImages/{name}.jpg"
        drawn = tmp_path / f"{name}.png"
        (answer,) = zoo_lines("predict", job.model, picture, "--draw", drawn, cwd=job.run)
        assert len(answer["objects"]) > 3
        with Image.open(drawn) as with_boxes, Image.open(picture) as without:
            assert with_boxes.size == without.size
    record("bccd, drawn pictures", ", ".join(names), demanded="three, looked at")


def classified(done, pictures, cwd):
    """What the convnet, which is right on 99 % of real digits, takes each picture for, and how surely."""
    judge = done("convnet on mnist")
    assert judge.test["accuracy"] >= 0.99
    answers = [
        json.loads(line)
        for line in run([ZOO, "predict", judge.model, pictures, "--json"], cwd=cwd).splitlines()
    ]
    return [each["label"] for each in answers], [max(each["probabilities"].values()) for each in answers]


def test_a_generator_draws_every_digit(done, record, tmp_path):
    job = done("dcgan on mnist")
    words = ["--samples", 1000, "--seed", 7, "--out", tmp_path / "samples", "--draw", tmp_path / "grid.png"]
    zoo_lines("predict", job.model, *words, cwd=tmp_path)
    labels, confidences = classified(done, tmp_path / "samples", tmp_path)
    shares = {digit: labels.count(digit) / len(labels) for digit in "0123456789"}
    record(
        "dcgan on mnist",
        f"shares {min(shares.values()):.1%} to {max(shares.values()):.1%}, "
        f"mean confidence {np.mean(confidences):.3f}, {job.training_s / 60:.1f} min",
        demanded="each 4-20 %, confidence >= 0.90",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert len(labels) == 1000
    assert all(0.04 <= share <= 0.20 for share in shares.values())
    assert np.mean(confidences) >= 0.90


def test_a_conditional_generator_draws_the_digit_it_is_asked_for(done, record, tmp_path):
    job = done("conditional-dcgan on mnist")
    right = 0
    for digit in "0123456789":
        folder = tmp_path / digit
        zoo_lines(
            "predict",
            job.model,
            "--samples",
            100,
            "--seed",
            7,
            "--label",
            digit,
            "--out",
            folder,
            cwd=tmp_path,
        )
        right += classified(done, folder, tmp_path)[0].count(digit)
    record(
        "conditional-dcgan on mnist",
        f"{right / 1000:.1%} as asked, {job.training_s / 60:.1f} min",
        demanded=">= 95 %",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert right >= 950


def test_a_class_and_a_value_from_one_trunk_both_beat_their_baselines(done, shared, record):
    job = done("mlp on penguins, species and mass")
    with (shared / "penguins/penguins.csv").open() as file:
        rows = list(csv.DictReader(file))
    species = [row["species"] for row in rows]
    mass = np.array([float(row["body_mass_g"]) for row in rows if row["body_mass_g"] not in ("", "NA")])
    majority = max(species.count(each) for each in set(species)) / len(species)
    accuracy, error = job.onnx["species.accuracy"], job.onnx["body_mass_g.rmse"]
    record(
        "mlp on penguins, species and mass",
        f"accuracy {accuracy:.4f}, majority {majority:.4f}; RMSE {error:.0f} g, mean {mass.std():.0f} g",
        demanded="both beaten clearly",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert accuracy >= majority + 0.3
    assert error <= 0.6 * mass.std()


@pytest.mark.parametrize("name", FAMILIES)
def test_the_file_is_verified_where_it_lies(done, name):
    assert zoo("verify", done(name).model, cwd=done(name).run)["num_examples"] > 0
