"""What is trained on real data: every job is one command line, its export another."""

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ZOO = Path(sys.executable).with_name("zoo")
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        architecture: What is trained.
        data: A bundled data set, or a path below ``{shared}`` or ``{folder}``, where the session writes.
        target: Kind of target that the data must be found to have.
        words: Further ``key=value`` words.
        threads: Threads that it trains in.
    """

    architecture: str
    data: str
    target: str
    words: tuple[str, ...] = ()
    threads: int = 1

    def source(self, shared: Path | str, folder: Path | str = ".") -> str:
        """The data, with its folders filled in."""
        return self.data.format(shared=shared, folder=folder)

    def command(self, shared: Path | str, folder: Path | str = ".") -> tuple[str, ...]:
        """The words after ``zoo train``."""
        return (self.architecture, "--data", self.source(shared, folder), *self.words)

    def __str__(self) -> str:
        return "zoo train " + " ".join(self.command("$ZOO_SHARED/data"))


RED_WINE = "wine_quality/winequality-red.csv"
_WINE = f"{{shared}}/{RED_WINE}"
_QUALITY = ("data.header=false", "data.target=column_12")
_SERIES = ("model.autoregression=24", "model.hidden=32", "model.dropout=0.5", "optimizer.lr=5e-3")
JOBS: Mapping[str, Job] = {
    "mlp on mnist": Job("mlp", "{shared}/mnist", "classes"),
    "convnet on mnist": Job("convnet", "{shared}/mnist", "classes", ("epochs=5",)),
    "mlp on penguins": Job("mlp", "{shared}/penguins/penguins.csv", "classes", ("data.target=species",)),
    "mlp on california_housing": Job(
        "mlp", "{shared}/california_housing/housing.csv", "values", ("data.target=median_house_value",)
    ),
    "mlp on wine quality as values": Job("mlp", _WINE, "values", _QUALITY),
    "mlp on wine quality as classes": Job("mlp", _WINE, "classes", (*_QUALITY, "data.target_type=classes")),
    "mlp on breast-cancer": Job("mlp", "breast-cancer", "binary"),
    "mlp on three labels of wine": Job(
        "mlp", "{folder}/three_labels.csv", "labels", ("data.target=[good,strong,sweet]",)
    ),
}
FAMILIES: Mapping[str, Job] = {
    "gru on sms_spam": Job(
        "gru",
        "{shared}/sms_spam/sms.tsv",
        "binary",
        (
            "data.names=[label,text]",
            "data.header=false",
            "data.quoting=false",
            "optimizer.lr=3e-3",
            "epochs=8",
        ),
    ),
    "gru on names_by_language": Job(
        "gru",
        "{shared}/names_by_language",
        "classes",
        ("data.drop=[SOURCE]", "data.tokens=characters", "model.bidirectional=true", "optimizer.lr=2e-3"),
    ),
    "lstm on tinyshakespeare": Job(
        "lstm",
        "{shared}/tinyshakespeare/input.txt",
        "tokens",
        (
            "data.validation=0.1",
            "data.test=0.1",
            "model.layers=2",
            "model.hidden=256",
            "optimizer.lr=4e-3",
            "batch_size=16",
            "epochs=12",
        ),
    ),
    "gru on goemotions": Job(
        "gru",
        "{shared}/goemotions",
        "labels",
        (
            "data.names=[text,labels,id]",
            "data.header=false",
            "data.quoting=false",
            "data.drop=[id]",
            "data.target=labels",
            "data.target_type=labels",
            "data.labels=labels.txt",
            "model.bidirectional=true",
            "model.pooling=max",
            "model.embedding=200",
            "model.hidden=192",
            "model.dropout=0.5",
            "optimizer.lr=2e-3",
            "epochs=8",
        ),
    ),
    "gru on airline_passengers": Job(
        "gru", "{shared}/airline_passengers/airline-passengers.csv", "forecast", ("data.time=Month", *_SERIES)
    ),
    "gru on daily_min_temperatures": Job(
        "gru",
        "{shared}/daily_min_temperatures/daily-min-temperatures.csv",
        "forecast",
        ("data.time=Date", "data.gaps=fill", *_SERIES, "epochs=10"),
    ),
    "detector on bccd": Job(
        "detector", "{shared}/bccd", "boxes", ("data.size=[240,320]", "data.degenerate=drop"), threads=2
    ),
    "dcgan on mnist": Job(
        "dcgan",
        "{shared}/mnist",
        "sample",
        (
            "data.latent=8",
            "data.validation=0.02",
            "optimizer.lr=1e-3",
            "optimizer.discriminator.lr=3e-4",
            "schedule=cosine",
            "epochs=8",
        ),
    ),
    "conditional-dcgan on mnist": Job(
        "conditional-dcgan", "{shared}/mnist", "sample", ("epochs=4", "data.validation=0.02")
    ),
    "mlp on penguins, species and mass": Job(
        "mlp", "{shared}/penguins/penguins.csv", "several", ("data.target=[species,body_mass_g]",)
    ),
}


@dataclass(frozen=True)
class Done:
    """A finished job: its run, its model, what both commands printed, and how long they took."""

    name: str
    job: Job
    run: Path
    model: Path
    trained: dict[str, Any]
    exported: dict[str, Any]
    training_s: float
    export_s: float

    @property
    def test(self) -> dict[str, float]:
        """Metrics of PyTorch on the test split."""
        return dict(self.trained["metrics"]["test"])

    @property
    def onnx(self) -> dict[str, float]:
        """Metrics of the exported file on the test split."""
        return dict(self.exported["certificate"]["metrics"]["onnx"])


def zoo(*words: object, cwd: Path, threads: int = 1) -> Any:
    """The JSON object that a ``zoo`` command prints as its last line.

    Raises:
        AssertionError: It failed; with all that it said.
    """
    return zoo_lines(*words, cwd=cwd, threads=threads)[-1]


def zoo_lines(*words: object, cwd: Path, threads: int = 1) -> list[Any]:
    """The JSON objects that a ``zoo`` command prints, one a line.

    Raises:
        AssertionError: It failed; with all that it said.
    """
    return [json.loads(line) for line in run([ZOO, *words, "--json"], cwd=cwd, threads=threads).splitlines()]


def run(words: list[object], *, cwd: Path, threads: int = 1) -> str:
    """Standard output of a command that must succeed.

    Raises:
        AssertionError: It failed; with all that it said.
    """
    command = [str(word) for word in words]
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{' '.join(command)} exited {done.returncode}\n{done.stderr}{done.stdout}"
    return done.stdout


def finish(name: str, shared: Path, folder: Path) -> Done:
    """Trains a job and exports it."""
    job = {**JOBS, **FAMILIES}[name]
    run_path = folder / hashlib.sha256(name.encode()).hexdigest()[:12]
    started_at = time.monotonic()
    trained = zoo("train", *job.command(shared, folder), "--run", run_path, cwd=folder, threads=job.threads)
    trained_at = time.monotonic()
    exported = zoo("export", run_path, cwd=folder)
    return Done(
        name=name,
        job=job,
        run=run_path,
        model=run_path / "model.onnx",
        trained=trained,
        exported=exported,
        training_s=trained_at - started_at,
        export_s=time.monotonic() - trained_at,
    )


def write_three_labels(shared: Path, path: Path) -> None:
    """Three questions about real wines, whose answers are left out of the inputs.

    good: the quality is 6 or more. strong: 10.5 % alcohol or more. sweet: more than 2.2 g/l of residual
    sugar, the median.
    """
    with (shared / RED_WINE).open() as file:
        rows = [[float(cell) for cell in row] for row in csv.reader(file)]
    sugar, alcohol, quality = 3, 10, 11
    inputs = [column for column in range(12) if column not in (sugar, alcohol, quality)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"column_{column + 1}" for column in inputs), "good", "strong", "sweet"])
        for row in rows:
            answers = (row[quality] >= 6, row[alcohol] >= 10.5, row[sugar] > 2.2)
            writer.writerow([*(row[column] for column in inputs), *map(int, answers)])
