"""What a certificate says of its model, for people: the model card of a package, and ``zoo show``."""

from collections.abc import Sequence
from typing import Any

from zoo.contracts.certificate import Certificate
from zoo.contracts.targets import Several, Target
from zoo.errors import first_of

Rows = list[tuple[str, str]]
_NUM_LISTED = 8


def summary(certificate: Certificate) -> str:
    """One line: which network, of which data, answers what."""
    recipe: Any = certificate.recipe
    answered = answer_of(certificate.signature.target)
    return _one_line(f"{recipe['model']['name']} trained on {recipe['data']['name']}: {answered}")


def facts(certificate: Certificate) -> Rows:
    """What it takes and answers, and what it was trained as, on and with."""
    recipe: Any = certificate.recipe
    inputs = [f"{spec.name} ({spec.kind})" for spec in certificate.signature.inputs]
    errors = [f"{name} {error:.1e}" for name, error in certificate.max_abs_error.items()]
    rows = [
        ("takes", listed(inputs)),
        ("answers", answer_of(certificate.signature.target)),
        ("network", _words(recipe["model"])),
        ("data", str(recipe["data"]["name"])),
        ("loss", _words(recipe["loss"]) if recipe.get("loss") else ""),
        ("largest difference from PyTorch", listed(errors)),
        ("weights (SHA-256)", certificate.weights_sha256),
    ]
    return [(name, _one_line(value)) for name, value in rows if value]


def metrics(certificate: Certificate) -> Rows:
    """What ONNX Runtime reached on the held-out examples; those of single labels are left out."""
    found = certificate.metrics["onnx"]
    return [(_one_line(name), f"{value:.6g}") for name, value in found.items() if not name.endswith("]")]


def versions(certificate: Certificate) -> Rows:
    """The distributions that it was made with."""
    rows = [(each["distribution"], each["version"]) for each in certificate.plugins]
    known = {name for name, _ in rows} | {"zoo"}
    rows += [(name, version) for name, version in certificate.versions.items() if name not in known]
    return [(_one_line(name), _one_line(version)) for name, version in rows]


def answer_of(target: Target) -> str:
    """What is answered, with the first few names."""
    told: Any = target
    match target.kind:
        case "classes" | "binary":
            return f"{told.name}, one of {listed(told.labels)}"
        case "labels":
            return f"any of {listed(told.labels)}"
        case "values":
            return listed(told.names)
        case "forecast":
            return f"the next {told.horizon} of {listed(told.names)}"
        case "tokens":
            return f"the token after a text, one of {len(told.vocabulary):,}"
        case "boxes":
            return f"boxes of {listed(told.labels)}"
        case "sample":
            return f"pictures of {' x '.join(str(side) for side in told.size)} pixels"
    assert isinstance(target, Several)
    return "; ".join(answer_of(part) for part in target.parts)


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return first_of(names, _NUM_LISTED)


def table(rows: Rows, header: tuple[str, str] = ("", "")) -> str:
    """Rows as a Markdown table, in which no text of theirs is markup."""
    lines = [header, ("---", "---"), *((escaped(name), escaped(value)) for name, value in rows)]
    return "\n".join(f"| {name} | {value} |" for name, value in lines)


def escaped(text: str) -> str:
    """Text in which nothing is Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#$" else letter for letter in text)


def _words(entry: Any) -> str:
    """An entry of the recipe with its options."""
    options = [f"{name}={value}" for name, value in entry.items() if name != "name" and value is not None]
    return " ".join([str(entry["name"]), *options])


def _one_line(text: str) -> str:
    """Names come from data: whatever they hold, they are one line that can be printed."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
