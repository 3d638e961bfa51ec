"""Recipes as people write them: ``key=value`` words and TOML, read into nested data and merged."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.reading import read_regular

Tree = dict[str, Any]
MAX_BYTES = 2**20
"""A recipe is a page of text; what is larger is something else."""
_DEEPEST = 32
_LARGEST = 2**63
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
# tomllib takes time that grows with the square of the number of a key's parts.
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{_DEEPEST}}}")
NONE = "none"
"""TOML has no null; this word stands for an option that is off."""


def read_words(words: Iterable[str]) -> Tree:
    """Nested data from ``key=value`` words, for example ``optimizer.lr=3e-4``.

    Values are TOML; a value that is not, such as ``adamw`` or ``[label,text]``, is read as words.

    Raises:
        UsageError: A word has no ``=`` or its key is malformed.
    """
    tree: Tree = {}
    for word in words:
        key, equals, text = word.partition("=")
        path = _read_key(key)
        if not equals or not path:
            raise UsageError(
                f"{word!r} is not of the form key=value", fix="for example epochs=20 or optimizer.lr=3e-4"
            )
        if _depth(text) > _DEEPEST:
            raise UsageError(
                f"the value of {key} is nested deeper than {_DEEPEST} levels", fix="for example epochs=20"
            )
        tree = merge(tree, nest(path, read_value(text)))
    return tree


def read_file(path: Path) -> Tree:
    """The keys of a TOML recipe.

    Raises:
        UsageError: The file cannot be read or is not TOML; names the line.
    """
    try:
        return parse(read_regular(path, at_most=MAX_BYTES).decode("utf-8"))
    except OSError as error:
        raise UsageError(
            f"recipe {path} cannot be read: {error.strerror}", fix="check the path and its permissions"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"recipe {path} is not TOML: {error}", fix="see docs: recipes are TOML files"
        ) from error


def parse(text: str) -> Tree:
    """The keys of a TOML document that somebody else wrote.

    Raises:
        ValueError: It is not TOML, is nested deeper than any recipe, or holds a whole number of more than 64 bits.
    """
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {_DEEPEST} parts")
    try:
        tree = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels") from error
    require_plain(tree)
    return tree


def require_plain(value: Any) -> None:
    """Refuses what a recipe could not be read with again.

    Raises:
        ValueError: It is nested deeper than any recipe, or holds a whole number of more than 64 bits.
    """
    _require_plain(value, _DEEPEST)


def _require_plain(value: Any, levels: int) -> None:
    if levels < 0:
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise ValueError("a whole number has more than 64 bits")
    inner = value.values() if isinstance(value, dict) else value
    for each in inner if isinstance(value, dict | list | tuple) else ():
        _require_plain(each, levels - 1)


def read_value(text: str) -> Any:
    """One value as typed on a command line."""
    text = text.strip()
    if text in {"True", "False"}:
        return text == "True"
    if text in {"None", NONE}:
        return NONE
    try:
        value = parse(f"value = {text}")["value"]
    except ValueError:
        return _read_bare(text)
    is_plain = isinstance(value, bool | int | str | list | dict) or (
        isinstance(value, float) and "n" not in text
    )
    return value if is_plain else text


def write_value(value: Any) -> str:
    """One value as it would be typed on a command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(write_value(item) for item in value) + "]"
    return NONE if value is None else str(value)


def merge(*layers: Mapping[str, Any]) -> Tree:
    """One tree from several, later ones first; naming another entry drops the options of the one before."""
    merged: Tree = {}
    for layer in layers:
        for key, value in layer.items():
            merged[key] = _merge_value(merged.get(key), value)
    return merged


def _read_key(key: str) -> list[str]:
    """The parts of a dotted key; a part with dots of its own is quoted, as in TOML."""
    path = []
    try:
        tree: Any = parse(f"{key.strip()} = 0")
        while isinstance(tree, dict):
            [(part, tree)] = tree.items()
            path.append(part)
    except ValueError:  # not TOML, or a comment
        return []
    return path


def _read_bare(text: str) -> Any:
    """A list or table whose words are not quoted, or else the text itself."""
    if text.startswith("[") and text.endswith("]"):
        return [read_value(item) for item in _split(text[1:-1])]
    if text.startswith("{") and text.endswith("}"):
        pairs = [item.partition("=") for item in _split(text[1:-1])]
        return {key.strip(): read_value(value) for key, _, value in pairs}
    return text


def _split(text: str) -> list[str]:
    """The items between commas that stand in no bracket and no quotes."""
    items, depth, quote, start = [], 0, "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            items.append(text[start:place])
            start = place + 1
    return [item for item in [*items, text[start:]] if item.strip()]


def _depth(text: str) -> int:
    """How many brackets are open at most, those in quotes included."""
    depth = deepest = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


def nest(path: Iterable[str], value: Any) -> Tree:
    """A value below a path of keys."""
    for part in reversed(list(path)):
        value = {part: value}
    return value  # type: ignore[no-any-return]


def _merge_value(below: Any, above: Any) -> Any:
    if isinstance(above, Mapping):
        below = {"name": below} if isinstance(below, str) and below != NONE else below
        if isinstance(below, Mapping) and above.get("name", below.get("name")) == below.get("name"):
            return merge(below, above)
        if isinstance(below, Mapping) and "name" not in below:
            return merge(below, above)
        return dict(above)
    if isinstance(below, Mapping) and isinstance(above, str) and above != NONE:
        return (
            dict(below)
            if below.get("name", above) == above and "name" in below
            else {
                "name": above,
                **({} if "name" in below else below),
            }
        )
    return above
