"""``python -m benchmarks.faults.peers [lightning|huggingface]``: the peers' rows, into ``faults.json``."""

import importlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks.faults.__main__ import keep
from benchmarks.faults.damage import damages
from benchmarks.faults.peers import work
from benchmarks.faults.processes import Process, run
from benchmarks.faults.trials import Row, Trial, folder, spread

PEERS = ("lightning", "huggingface")
NUM_RUNS, NUM_KILLS = 10, 5
NUM_CUTS, NUM_FLIPS = 5, 15
# The first, a middle and the last of the losses: a step has two.
LOSSES = {"first": 1, "middle": 36, "last": 71}


def main(words: list[str]) -> None:
    """Measures every row of every peer."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        os.environ.setdefault("FAULTS_FOLDER", place)
        for name in words or PEERS:
            peer = importlib.import_module(f"benchmarks.faults.peers.{name}")
            system = f"{peer.VERSION_OF} {metadata.version(peer.VERSION_OF)}"
            started_at = time.monotonic()
            # Everything that is imported on first use is there before the first fork.
            expected = peer.train(folder() / "run")
            for row in rows(peer, expected):
                keep([{"system": system, **row.to_json()}])
                print(f"{system:20} {row.row:4} {row.survived:5} of {row.tried:5}  {row.title}")
                for cause in row.causes[:3]:
                    print(f"     {cause[:300]}")
            print(f"     {time.monotonic() - started_at:.0f} s", flush=True)


def rows(peer: Any, expected: str) -> Iterator[Row]:
    """The four rows; where a run goes on is counted apart from where it ends in the same bytes."""
    path = folder() / "run"
    started_at = time.monotonic()
    undisturbed = run(lambda: peer.train(path))
    length_s = time.monotonic() - started_at
    assert undisturbed.said == expected, f"two undisturbed runs differ: {undisturbed}"
    kills = spread([partial(_kill, peer, expected, length_s, seed) for seed in range(NUM_RUNS)])
    yield from _two("R1", f"SIGKILL at a random moment, {NUM_KILLS} times a run", kills)
    names = _names(peer)
    ends = spread([partial(_end_at, peer, expected, names[k - 1], k) for k in range(1, len(names) + 1)])
    yield from _two("R2", "SIGKILL at every change that Python sees, and with files half written", ends)
    found = spread([partial(_damage, peer, expected, path, name) for name in peer.FILES])
    title = f"every file of the last checkpoint: {NUM_CUTS} cuts, {NUM_FLIPS} flipped bits, deleted, longer: detected"
    yield Row.of("R6", title, found)
    yield Row.of(
        "N1",
        "NaN and infinity in features and loss: every checkpoint that is left is finite",
        spread(_poison(peer)),
    )


def _two(row: str, title: str, trials: list[Trial]) -> Iterator[Row]:
    goes_on = [Trial(each.landed, [c for c in each.causes if c != OTHER]) for each in trials]
    yield Row.of(row, f"{title}: it goes on and ends", goes_on)
    yield Row.of(row, f"{title}: it ends in the same bytes", trials)


OTHER = "it ends in other bytes"


def _going_on(peer: Any, path: Path, expected: str) -> list[str]:
    again = run(lambda: peer.train(path))
    if again.code:
        return [f"going on ended with {again.code}: {again.said[-400:]}"]
    return [] if again.said == expected else [OTHER]


def _kill(peer: Any, expected: str, length_s: float, seed: int) -> list[Trial]:
    chance, path, trials = random.Random(seed), folder() / "run", list[Trial]()  # noqa: S311
    while len(trials) < NUM_KILLS:
        process = Process(lambda: peer.train(path))
        time.sleep(chance.uniform(0, length_s))
        if process.has_ended():
            ended = process.wait()
            trials += (
                [Trial("on resuming", [f"going on ended with {ended.code}: {ended.said[-400:]}"])]
                if ended.code
                else []
            )
            shutil.rmtree(path, ignore_errors=True)
            continue
        process.send(9)
        process.wait()
        last = peer.newest(path)
        trials.append(Trial("before the first checkpoint" if last is None else f"after {last.name}"))
    causes = _going_on(peer, path, expected)
    shutil.rmtree(path.parent)
    return [Trial(each.landed, [*each.causes, *causes]) for each in trials]


def _names(peer: Any) -> list[str]:
    def act() -> str:
        path = folder() / "run"
        counter = work.Counter(path)
        counter.install()
        peer.train(path)
        return json.dumps(counter.names)

    found: list[str] = json.loads(run(act).said)
    return found


def _end_at(peer: Any, expected: str, name: str, k: int) -> Trial:
    path = folder() / "run"

    def act() -> None:
        work.Counter(path, k).install()
        peer.train(path)

    ended = run(act)
    causes = [] if ended.was_killed else [f"it was not killed: {ended.code} {ended.said[-300:]}"]
    causes += _going_on(peer, path, expected)
    shutil.rmtree(path.parent)
    return Trial(name, causes)


def _damage(peer: Any, expected: str, path: Path, name: str) -> list[Trial]:
    """Detected: going on from it is refused, or something else is used and the run ends as it should."""
    trials = []
    content = (peer.newest(path) / name).read_bytes()
    for kind, damage in damages(content, content, NUM_CUTS, NUM_FLIPS):
        copy = folder() / "run"
        shutil.copytree(path, copy)
        file = peer.newest(copy) / name
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
        again = run(lambda copy=copy: peer.train(copy))
        is_seen = again.code != 0 or (damage is None and again.said == expected)
        trials.append(Trial(f"{kind} {name}", [] if is_seen else ["the damage is not seen"]))
        shutil.rmtree(copy.parent)
    return trials


def _poison(peer: Any) -> Iterator[partial[Trial]]:
    for kind, value in work.POISON.items():
        yield partial(_poisoned, peer, f"{kind} in the features", work.Fault(row=(57, value)))
        for when, number in LOSSES.items():
            yield partial(_poisoned, peer, f"{kind} in the {when} loss", work.Fault(loss=(number, value)))


def _poisoned(peer: Any, name: str, fault: work.Fault) -> Trial:
    path = folder() / "run"

    def act() -> None:
        vars(work.FAULT).update(vars(fault))
        peer.train(path)

    ended = run(act)
    last = peer.newest(path)
    landed = f"{name}: {'it stopped' if ended.code else 'it went on'}"
    is_finite = last is None or work.finite(peer.weights(last))
    shutil.rmtree(path.parent)
    return Trial(landed, [] if is_finite else ["the last checkpoint is not finite"])


if __name__ == "__main__":
    main(sys.argv[1:])
