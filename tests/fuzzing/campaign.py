"""One target for some time: coverage-guided where atheris is installed, else by mutants; every fault is kept."""

import hashlib
import json
import os
import random
import resource
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from tests.fuzzing.mutants import mutant
from tests.fuzzing.oracle import Target, fault

SEEDS = Path(__file__).with_name("seeds")
SPACE_BYTES = 12 * 2**30
_MOST_KEPT = 20


class Campaign:
    """Counts executions, and keeps the first input of every kind of fault.

    Attributes:
        target: What is tried.
        kept: Where its seeds lie.
        current: A file that holds the input that is being tried, for when the process is ended by it.
    """

    def __init__(self, target: Target, kept: Path, current: Path | None = None) -> None:
        self.target, self.kept, self.current = target, kept, current
        self.num_executions = 0
        self.faults: dict[str, bytes] = {}

    def once(self, data: bytes) -> None:
        """Tries one input."""
        self.num_executions += 1
        if self.current is not None:
            self.current.write_bytes(data)
        word = fault(self.target.read, data)
        if word and word not in self.faults and len(self.faults) < _MOST_KEPT:
            self.faults[word] = data
            keep(self.kept, data)

    def mutate(self, until: float, seed: int) -> None:
        """Mutants of the examples and of the seeds found so far."""
        source = random.Random(seed)
        examples = [*self.target.examples, *seeds(self.kept)]
        for data in examples:
            self.once(data)
        while time.monotonic() < until:
            self.once(mutant(examples, self.target.words, source))


def keep(folder: Path, data: bytes) -> Path:
    """Writes a seed, named by its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def seeds(folder: Path) -> list[bytes]:
    """What was found before."""
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


def load_targets() -> dict[str, Target]:
    """The targets, their parsers instrumented for coverage where atheris is installed."""
    if find_spec("atheris") is None:
        from tests.fuzzing import targets
    else:
        import atheris

        with atheris.instrument_imports(include=["zoo"], enable_loader_override=False):
            from tests.fuzzing import targets
    return targets.build()


def run(target: Target, seconds: float, seed: int, report: Path, current: Path) -> None:
    """Half of the time by coverage, where that is possible, and the other half by mutants."""
    resource.setrlimit(resource.RLIMIT_AS, (SPACE_BYTES, SPACE_BYTES))
    is_guided = target.guided and find_spec("atheris") is not None
    campaign = Campaign(target, SEEDS / target.name, current)
    started_at = time.monotonic()

    def save() -> None:
        document = {
            "executions": campaign.num_executions,
            "findings": sorted(campaign.faults),
            "minutes": round((time.monotonic() - started_at) / 60, 2),
            "guided": is_guided,
        }
        report.write_text(json.dumps(document))

    campaign.mutate(started_at + (seconds / 2 if is_guided else seconds), seed)
    save()
    if is_guided:
        _guide(campaign, started_at + seconds, seed, save)


def _guide(campaign: Campaign, until: float, seed: int, save: object) -> None:
    """Coverage-guided; atheris ends the process by itself, so the report is written as it goes."""
    import atheris

    last = [time.monotonic()]

    def once(data: bytes) -> None:
        campaign.once(data)
        now = time.monotonic()
        if now - last[0] > 1 or now > until:
            last[0] = now
            save()
        if now > until:
            os._exit(0)  # a forked process may wait for ever for threads of its parent's libraries

    corpus = campaign.current.with_suffix(".corpus")
    for data in (*campaign.target.examples, *seeds(campaign.kept)):
        keep(corpus, data)
    left_s = max(1, int(until - time.monotonic()))
    options = [
        f"-max_total_time={left_s + 60}",
        f"-seed={seed + 1}",
        "-verbosity=0",
        "-close_fd_mask=3",
        "-print_final_stats=0",
        "-max_len=8192",
        f"-artifact_prefix={corpus}.",
        "-rss_limit_mb=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()
