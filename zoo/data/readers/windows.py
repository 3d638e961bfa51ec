"""Cuts plain text into windows that share one token with the next, the examples of a language model."""

import unicodedata
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from zoo.contracts.examples import Examples
from zoo.errors import DataError
from zoo.runtime.texts import read_text

Cut = Literal["characters", "words"]


def read_windows(file: Path, window: int, cut: Cut, encoding: str, name: str) -> Examples:
    """The windows of a file: at most ``window`` characters, or more where a word does not fit.

    Args:
        file: Plain text.
        window: Characters.
        cut: What neighbours share: the border character, or the last token before a blank.
        encoding: As for ``read_text``.
        name: The input's name.

    Raises:
        DataError: The file is empty, is no text or has another encoding.
    """
    text = read_text(file, encoding)
    if cut == "words":
        text = text.rstrip()
    if len(text.strip()) < 2:
        raise DataError(f"{file}: is empty", fix="a language model needs a text to learn from")
    bounds = list(_bounds(text, window, cut))
    windows = np.array([text[start:stop] for start, stop in bounds], dtype=object)
    lines = np.cumsum(
        [
            1,
            *(text.count("\n", start, after) for (start, _), (after, _) in pairwise(bounds)),
        ]
    )
    ids = [f"{file.name} line {line}" for line in lines.tolist()]
    return Examples({name: windows}, windows, ids)


def _bounds(text: str, window: int, cut: Cut) -> Iterator[tuple[int, int]]:
    """Start and stop of each window; the next one starts with the last token of the one before."""
    start = 0
    while start + window < len(text):
        stop = start + window
        shared = stop - 1
        if cut == "words":
            stop = _end_of_word(text, start, stop)
            if stop == len(text):
                break
            shared = _start_of_token(text, start, stop)
        yield start, stop
        start = shared
    yield start, len(text)


def _end_of_word(text: str, start: int, stop: int) -> int:
    """The last end of a word up to ``stop``, else the first one behind it, with a token before that word."""
    for place in chain(range(stop, start, -1), range(stop + 1, len(text))):
        if _ends_word(text, place) and _start_of_token(text, start, place) > start:
            return place
    return len(text)


def _ends_word(text: str, place: int) -> bool:
    return text[place].isspace() and not text[place - 1].isspace()


def _start_of_token(text: str, start: int, stop: int) -> int:
    """Where the last token of ``text[start:stop]`` begins: a run of word characters, or a single other one."""
    place = stop - 1
    while place > start and _is_of_word(text[place]) and _is_of_word(text[place - 1]):
        place -= 1
    return place


def _is_of_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"
