"""Tokenising in the exported graph against plain Python: ``python -m benchmarks.tokenising``.

Both take short messages and give int64 rows padded to the longest of a batch, with the same vocabulary and
the same words; Python with a compiled regular expression and a dictionary, as a data loader would. The two
take turns, so that a busy machine slows both alike, and have to agree before they are timed.
"""

import csv
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

import zoo
from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.preprocessing import text
from zoo.preprocessing.graphs import open_session

RESULT = Path(__file__).parent / "results" / "tokenising.json"
NUM_MESSAGES = 100_000
NUM_WORDS = 20_000
BATCH_SIZES = (64, 256, 1000)
REPEATS = 5
SPEC = TensorSpec("message", "text", "string", ())

Tokeniser = Callable[[Any], Any]


def messages() -> Any:
    """Short messages, the same in every run: words as frequent as 1/rank, with punctuation and capitals."""
    draw = random.Random(1)  # noqa: S311
    letters = "etaoinshrdlucmfwypvbgkqjxzéü"
    words = ["".join(draw.choices(letters, k=draw.randint(1, 9))) for _ in range(NUM_WORDS)]
    weights = [1 / rank for rank in range(1, NUM_WORDS + 1)]
    found = []
    for _ in range(NUM_MESSAGES):
        chosen = draw.choices(words, weights, k=draw.randint(3, 30))
        found.append(" ".join(chosen).capitalize() + draw.choice((".", "!", " ...", "?", ", ok")))
    return np.array(found, dtype=object)


def in_graph(texts: Any, tokens: str) -> tuple[Tokeniser, Sequence[str]]:
    """The fitted graph on one thread, as in Python, and its vocabulary."""
    train = Examples({"message": texts}, None, range(len(texts)))
    encoding = text.fit(SPEC, train, text.Tokenisation(tokens=tokens, max_length=256))
    session = open_session(encoding.graph, num_threads=1)
    return lambda batch: session.run(None, {"message": batch})[0], encoding.statistics["vocabulary"]


def in_python(vocabulary: Sequence[str], tokens: str) -> Tokeniser:
    """A regular expression and a dictionary."""
    find = re.compile(r"\w+|[^\w\s]").findall if tokens == "words" else list
    known = {token: number for number, token in enumerate(vocabulary)}

    def encode(batch: Any) -> Any:
        rows = [[known.get(token, text.UNKNOWN) for token in find(each)[:256]] for each in batch]
        padded = np.zeros((len(rows), max(1, *map(len, rows))), np.int64)
        for row, numbers in zip(padded, rows, strict=True):
            row[: len(numbers)] = numbers
        return padded

    return encode


def compare(texts: Any, tokens: str, batch_size: int, encoders: dict[str, Tokeniser]) -> dict[str, Any]:
    """Medians of the time that all messages take, in seconds."""
    batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    for batch in batches[:20]:
        graph, python = (encode(batch) for encode in encoders.values())
        assert (graph == python).all(), "the two tokenisers differ"
    times: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(REPEATS):
        for name, encode in encoders.items():
            started_at = time.perf_counter()
            for batch in batches:
                encode(batch)
            times[name].append(time.perf_counter() - started_at)
    graph_s, python_s = (median(times[name]) for name in encoders)
    return {
        "tokens": tokens,
        "batch_size": batch_size,
        "graph_s": round(graph_s, 3),
        "python_s": round(python_s, 3),
        "times_as_fast_as_python": round(python_s / graph_s, 2),
    }


def one_epoch(texts: Any) -> float:
    """Seconds of training ``gru`` for one epoch on all messages: is there an exclamation mark?"""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "messages.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows((text, "yes" if "!" in text else "no") for text in texts)
        # As few as can be are held out, so that the epoch is that of all messages.
        data = {"name": str(table), "duplicates": "keep", "validation": 0.001, "test": 0.001}
        run = zoo.train("gru", data=data, epochs=1, run=Path(folder) / "run", device="cpu")
        return float(run.status()["training_s"])


def main() -> None:
    """Compares words and characters at several batch sizes, prints a table and keeps the figures."""
    texts = messages()
    rows = []
    print("tokens     batch  graph s  Python s  ratio")
    for tokens in ("words", "characters"):
        graph, vocabulary = in_graph(texts, tokens)
        encoders = {"graph": graph, "python": in_python(vocabulary, tokens)}
        for batch_size in BATCH_SIZES:
            row = compare(texts, tokens, batch_size, encoders)
            rows.append(row)
            print(
                f"{tokens:10} {batch_size:5} {row['graph_s']:8.2f} {row['python_s']:9.2f} "
                f"{row['times_as_fast_as_python']:6.2f}"
            )
    ratio = median(row["times_as_fast_as_python"] for row in rows)
    epoch_s, slowest_s = one_epoch(texts), max(row["graph_s"] for row in rows)
    document = {
        "one_epoch_of_gru_s": round(epoch_s, 1),
        "num_messages": len(texts),
        "num_characters": sum(map(len, texts)),
        "median_times_as_fast_as_python": round(ratio, 2),
        "versions": {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nin the median {ratio:.2f} times as fast as Python")
    print(f"one epoch of gru takes {epoch_s:.1f} s, tokenising {slowest_s:.1f} s at most")


if __name__ == "__main__":
    main()
