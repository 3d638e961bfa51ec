"""Zoo's own loop, through what users call, with everything on that is on by default."""

import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import zoo
from benchmarks.loops import stamps
from benchmarks.loops.works import NUM_WORDS, RATE, WORKS, Network, Work
from zoo.plugin import Architecture, Classes, Dataset, Entry, Examples, Signature, Splits, TensorSpec
from zoo.registry import Plugin, Registry
from zoo.runs import Run
from zoo.training.progress import Lines

ENDLESS = 1_000_000
_ARCHITECTURES = {"a": "mlp", "b": "cnn", "c": "lstm", "d": "tiny", "e": "cnn"}


def mlp(signature: Signature, *, says: bool = True) -> Network:
    """The network of work a."""
    return _network("a", signature, says=says)


def cnn(signature: Signature, *, says: bool = True) -> Network:
    """The network of work b."""
    return _network("b", signature, says=says)


def lstm(signature: Signature, *, says: bool = True) -> Network:
    """The network of work c."""
    return _network("c", signature, says=says)


def tiny(signature: Signature, *, says: bool = True) -> Network:
    """The network of work d."""
    return _network("d", signature, says=says)


def _network(name: str, signature: Signature, *, says: bool) -> Network:
    work = WORKS[name]
    (given,) = signature.inputs
    channels = (1,) if work.kind == "image" else ()
    assert given.kind == work.kind, given
    assert given.num_values == (NUM_WORDS + 2 if work.kind == "tokens" else None), given
    assert given.shape == (*channels, *work.shape) or work.kind == "tokens", given
    network = work.network()
    network.says = says
    return network


def texts() -> Splits:
    """The texts of work c; no reader makes every text of one length."""
    work = WORKS["c"]
    words, classes = work.raw
    lines = np.array([" ".join(f"w{word}" for word in row) for row in words], dtype=object)
    truth = np.array([str(each) for each in classes], dtype=object)
    ids = [f"text {row}" for row in range(len(lines))]
    labels = tuple(str(each) for each in range(work.num_classes))
    held_out = work.num_train + (len(lines) - work.num_train) // 2
    parts = [slice(0, work.num_train), slice(work.num_train, held_out), slice(held_out, None)]
    return Splits(
        Signature((TensorSpec("text", "text", "string", ()),), Classes(labels)),
        *(Examples({"text": lines[part]}, truth[part], ids[part]) for part in parts),
    )


def entries() -> tuple[Entry, ...]:
    """The benchmark's networks and texts, as a plugin would offer them."""
    networks = [
        Architecture(
            name=f"bench-{name}",
            factory=f"benchmarks.loops.ours:{function}",
            summary=WORKS[name].title,
            accepts=(WORKS[name].kind,),
            predicts=("classes",),
        )
        for name, function in _ARCHITECTURES.items()
    ]
    data = Dataset(name="bench-texts", factory="benchmarks.loops.ours:texts", summary="Texts of 64 words")
    return (*networks, data)


def registry() -> Registry:
    """What is installed, and the benchmark's own."""
    found = Registry.discover()
    return Registry(plugins=[*found.plugins, Plugin("zoo-bench", "1.0", "benchmarks.loops.ours", entries())])


def write_data(name: str, folder: Path) -> str:
    """Writes a work's data where a reader takes it; its path, or the name of an entry."""
    work = WORKS[name]
    if work.kind == "tokens":
        return "bench-texts"
    path = folder / f"{name}.npz"
    x, y = work.raw
    ends = [work.num_train, work.num_train + (len(x) - work.num_train) // 2]
    parts = zip(("train", "validation", "test"), np.split(x, ends), np.split(y, ends), strict=True)
    np.savez(path, **{f"{part}_{role}": each for role, x, y in parts for part, each in (("x", x), ("y", y))})
    return str(path)


def train(name: str, folder: Path, *, says: bool = True, **keys: Any) -> Run:
    """Trains the network of a work as ``zoo train`` does: metrics, log and checkpoints after each epoch."""
    given = {
        "optimizer": {"name": "adam", "lr": RATE},
        "schedule": "constant",
        "batch_size": WORKS[name].batch_size,
        "device": WORKS[name].device,
        "progress": Lines(lambda line: print(line, file=sys.stderr)),
        "registry": registry(),
        **keys,
    }
    data = {"name": write_data(name, folder)}
    if WORKS[name].kind == "tokens":
        data |= {"tokens": "words", "min_count": 1}
    return zoo.train({"name": f"bench-{name}", "says": says}, data=data, run=folder / "run", **given)


def loop(work: Work, folder: Path, *, fused: bool) -> None:
    """Everything on: seeding, finiteness checks, metrics, log, checkpoints; Adam is fused by itself."""
    from benchmarks.exactness import without

    without(os.environ.get("BENCH_WITHOUT", ""))
    name = next(name for name, each in WORKS.items() if each.title == work.title)
    train(name, folder, epochs=ENDLESS, device=work.device)


def count_calls(name: str, folder: Path) -> int:
    """Python functions entered in a step of ``zoo.train``; the same in every run."""
    calls = stamps.Calls()
    started = False

    def mark() -> None:
        nonlocal started
        if started:
            calls.mark()
        else:
            started = True
            calls.start()

    with stamps.listening(mark):
        try:
            train(name, folder, epochs=2)
        finally:
            calls.stop()
    return int(median(calls.calls))
