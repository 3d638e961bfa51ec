"""What a listing can show, filter and sort by: the facts of an entry, and conditions on them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt, ne

from zoo.contracts.entries import KINDS, Architecture
from zoo.errors import UsageError, did_you_mean
from zoo.registry import Registered

Fact = str | int | tuple[str, ...] | None

_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|!=|==?|<|>)\s*(.*?)\s*")
_NUMBER = re.compile(r"(\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)([kMG]?)")
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "=": eq,
    "!=": ne,
}


def reachable(entry: Architecture) -> set[str]:
    """Kinds of input it can be given: images and tables become vectors by themselves."""
    return {*entry.accepts, *(("image", "table") if "vector" in entry.accepts else ())}


def conformance(each: Registered) -> str | None:
    """``"passed"``, ``"failed"``, ``"unknown"`` or ``"unsupported"``; nothing where nothing is measured."""
    if each.entry.unsupported:
        return "unsupported"
    if not isinstance(each.entry, Architecture):
        return None
    return each.entry.conformance.partition(":")[0] or "unknown"


def reason(each: Registered) -> str:
    """Why an entry cannot be used or failed; empty where it can."""
    failure = each.entry.conformance if isinstance(each.entry, Architecture) else ""
    return each.entry.unsupported or failure.partition(": ")[2]


def _of_architecture(attribute: str) -> Callable[[Registered], Fact]:
    def read(each: Registered) -> Fact:
        entry = each.entry
        fact: Fact = getattr(entry, attribute) if isinstance(entry, Architecture) else None
        return fact

    return read


FIELDS: Mapping[str, Callable[[Registered], Fact]] = {
    "name": lambda each: each.entry.name,
    "kind": lambda each: each.entry.kind,
    "plugin": lambda each: each.plugin.distribution,
    "version": lambda each: each.plugin.version,
    "params": _of_architecture("num_parameters"),
    "size": _of_architecture("image_size"),
    "accepts": _of_architecture("accepts"),
    "predicts": _of_architecture("predicts"),
    "conformance": conformance,
    "reference": lambda each: each.entry.reference,
    "summary": lambda each: each.entry.summary,
}
"""How each fact is read; ``None`` where an entry has none."""

_NUMBERS = {"params", "size"}
_SYNONYMS = {"status": "conformance"}
_ORDER = {kind.kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Condition:
    """A comparison of a fact with a number or a pattern.

    Attributes:
        field: The fact.
        operator: One of ``< <= > >= = !=``.
        value: A number, or a glob for a fact that is text.
    """

    field: str
    operator: str
    value: float | str

    def holds(self, each: Registered) -> bool:
        """Whether the entry has the fact and it compares so."""
        fact = FIELDS[self.field](each)
        if fact is None:
            return False
        if isinstance(self.value, float):
            return isinstance(fact, int) and _COMPARISONS[self.operator](fact, self.value)
        if self.field == "accepts" and isinstance(each.entry, Architecture):
            fact = tuple(reachable(each.entry))
        texts = fact if isinstance(fact, tuple) else (str(fact),)
        return any(fnmatchcase(text, self.value) for text in texts) == (self.operator == "=")


def check_field(name: str, option: str) -> str:
    """The field of that name.

    Raises:
        UsageError: There is none.
    """
    name = _SYNONYMS.get(name, name)
    if name not in FIELDS:
        raise UsageError(f"{option}: there is no field {name!r}", fix=did_you_mean(name, FIELDS))
    return name


def parse_condition(text: str) -> Condition:
    """Reads ``params<10e6``, ``plugin=zoo-timm`` and the like.

    Raises:
        UsageError: It is no condition, or its field or value does not exist or fit.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--where {text!r} is not FIELD, one of < <= > >= = !=, and a value",
            fix="for example --where 'params<10e6'",
        )
    field, operator, value = check_field(match[1], f"--where {text!r}"), match[2], match[3]
    operator = "=" if operator == "==" else operator
    if field in _NUMBERS:
        return Condition(field, operator, _number(value, text))
    if operator not in ("=", "!="):
        raise UsageError(f"--where {text!r}: {field} is text", fix="compare it with = or !=")
    return Condition(field, operator, value)


def _number(value: str, text: str) -> float:
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise UsageError(f"--where {text!r}: {value!r} is not a number", fix="write 10e6, 10_000_000 or 10M")
    return float(match[1].replace("_", "")) * _UNITS[match[2]]


def arrange(found: Iterable[Registered], by: str) -> list[Registered]:
    """Kind by kind, sorted by a field, descending with a ``-`` before it; those without the fact come last.

    Raises:
        UsageError: There is no such field.
    """
    field = check_field(by.removeprefix("-"), "--sort")
    by_name = sorted(found, key=lambda each: each.entry.name)
    having = [each for each in by_name if FIELDS[field](each) is not None]
    lacking = [each for each in by_name if FIELDS[field](each) is None]
    having.sort(key=lambda each: _sortable(FIELDS[field](each)), reverse=by.startswith("-"))
    return sorted(having + lacking, key=lambda each: _ORDER[each.entry.kind])


def _sortable(fact: Fact) -> tuple[int, str]:
    return (fact, "") if isinstance(fact, int) else (0, written(fact))


def written(fact: Fact) -> str:
    """A fact as a cell of a table: ``25.6M`` for a number, words joined by commas."""
    if fact is None:
        return ""
    if isinstance(fact, tuple):
        return ",".join(fact)
    if isinstance(fact, str) or fact < 10_000:
        return str(fact)
    unit = "G" if fact >= 1e9 else "M" if fact >= 1e6 else "k"
    return (
        f"{fact / _UNITS[unit]:.3g}{unit}"
        if fact / _UNITS[unit] < 100
        else f"{fact / _UNITS[unit]:.0f}{unit}"
    )
