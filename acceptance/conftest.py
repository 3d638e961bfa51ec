"""Real data, trained once a session, and the table of figures at the end."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from acceptance import parity, results
from acceptance.jobs import Done, finish, write_three_labels
from acceptance.parity import Parity
from acceptance.results import Row

_seen: list[Row] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the shared data."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.acceptance)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; its absence is a failure, since nothing would be seen without it."""
    default = Path(__file__).resolve().parents[2] / "shared"
    data = Path(os.environ.get("ZOO_SHARED", default)).resolve() / "data"
    if not data.is_dir():
        pytest.fail(f"there is no {data}: ZOO_SHARED names the folder that holds data/", pytrace=False)
    return data


@pytest.fixture(scope="session")
def done(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    """A job by its name, trained and exported when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")
    write_three_labels(shared, folder / "three_labels.csv")
    return cache(lambda name: finish(name, shared, folder))


@pytest.fixture(scope="session")
def compared(done: Callable[[str], Done]) -> Callable[[str], Parity]:
    """Answers of a job's test split by bare ONNX Runtime and by PyTorch."""
    return cache(lambda name: parity.compare(done(name).run, done(name).model))


@pytest.fixture
def record() -> Callable[..., None]:
    """Keeps a figure, whether or not it is the one demanded."""

    def keep(row: str, figure: str, *, demanded: str, command: str = "", seconds: float = 0.0) -> None:
        seen = Row(row, command, figure, demanded, round(seconds, 1))
        _seen.append(seen)
        results.write(seen)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of this session."""
    if _seen:
        terminalreporter.section("figures")
        for line in results.table(sorted(_seen, key=lambda row: row.row)):
            terminalreporter.write_line(line)
