"""``python -m zoo_pytorch_optimizer.facts``: writes facts.json from the library that is installed.

Registration reads that file, since it must import neither the library nor PyTorch.
"""

import inspect
import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo_pytorch_optimizer import wiring
from zoo_pytorch_optimizer.optimizers import classes

FACTS = Path(__file__).with_name("facts.json")
_LIBRARY = "pytorch-optimizer"
_GRAPH = "it differentiates the gradient once more, and a step of Zoo keeps no graph of its backward pass"
_BACKWARD = "it updates the weights inside of the backward pass, before anything could look at the gradients"
_NETWORK = "it wants the network itself, and an optimizer is given parameters"
_PROCESSES = "it exchanges gradients between processes itself, which is what Zoo does"
REASONS: Mapping[str, str] = {
    "adahessian": _GRAPH,
    "adalomo": _BACKWARD,
    "bsam": "as the library computes its variances, it does not descend a quadratic at any rate that was tried",
    "demo": _PROCESSES,
    "distributedmuon": _PROCESSES,
    "gsam": _NETWORK,
    "lomo": _BACKWARD,
    "lorarite": "it takes pairs of LoRA's factors alone, and networks of Zoo have other parameters",
    "pcgrad": "it wants the loss of each of several tasks apart, and a turn has one loss",
    "safefp16optimizer": "it scales the loss itself, which precision=fp16 does for any optimizer",
    "sophiah": _GRAPH,
    "spectralsphere": "it takes matrices alone, and nearly every network has other parameters too",
    "wsam": _NETWORK,
}
_ROW = re.compile(r"^\| *(?P<names>[^|*]+?) *\|[^|]*\|[^|]*\| *\[paper\]\((?P<link>[^)]+)\)", re.MULTILINE)
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")


def facts() -> dict[str, Any]:
    """What registration needs of each optimizer."""
    papers = _papers()
    return {
        "library": f"{_LIBRARY} {metadata.version(_LIBRARY)}",
        "optimizers": [
            {
                "name": name,
                "class": original.__name__,
                "summary": _summary(original),
                "reference": _reference(original, papers),
                "needs_closure": wiring.needs_closure(original),
                "unsupported": REASONS.get(name, ""),
            }
            for name, original in classes().items()
        ],
    }


def _summary(original: type) -> str:
    text = inspect.cleandoc(original.__doc__ or original.__name__)
    return " ".join(text.split("\n\n")[0].split()).rstrip(".")


def _papers() -> dict[str, str]:
    """The papers that the library's own description names, by optimizer."""
    rows = _ROW.finditer(metadata.metadata(_LIBRARY).get_payload())  # type: ignore[attr-defined]
    return {name.strip(): row["link"] for row in rows for name in row["names"].split("&")}


def _reference(original: type, papers: Mapping[str, str]) -> str:
    """The paper, as arXiv's number where it has one; empty where the library names none."""
    link = papers.get(_row_of(original, papers), "")
    found = _ARXIV.search(link or original.__doc__ or "")
    return f"arXiv:{found[1]}" if found else link


def _row_of(original: type, papers: Mapping[str, str]) -> str:
    """The row for a class: that of its name, of what its name begins with, or of its module."""
    name, module = original.__name__, original.__module__.rpartition(".")[2]
    ways = (
        lambda row: row == name,
        lambda row: _letters(row) == name.lower(),
        lambda row: len(row) > 4 and name.startswith(row),
        lambda row: _letters(row) == module,
        lambda row: len(module) > 5 and _letters(row).startswith(module),
    )
    return next((row for way in ways for row in papers if way(row)), "")


def _letters(row: str) -> str:
    return re.sub(r"[^a-z0-9]", "", row.lower())


def main() -> None:
    """Writes the file."""
    FACTS.write_text(json.dumps(facts(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
