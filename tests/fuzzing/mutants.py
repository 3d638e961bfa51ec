"""Mutants of good inputs, from a seed: the same number gives the same bytes."""

import random
import struct
from collections.abc import Sequence

_EDGES = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_TEXTS = (
    b"-1", b"0", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b"\\ud800", b"\\u0000", b"\xff\xfe",
    b"\xef\xbb\xbf", b"\r", b"\n", b"\0", b'"', b"'", b",", b"9" * 30, b"[" * 40, b"\x1b[2J", b"=cmd|' /C calc'!A0",
    "\u202e\u2028\u0660".encode(),
)  # fmt: skip
_LONGEST = 100_000


def mutant(examples: Sequence[bytes], words: Sequence[bytes], random: random.Random) -> bytes:
    """A good input after one to eight changes."""
    data = bytearray(random.choice(examples))
    for _ in range(random.choice((1, 1, 1, 2, 2, 4, 8))):
        random.choice(_CHANGES)(data, random, examples, words)
    return bytes(data[:_LONGEST])


def _flip(data, random, examples, words):
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(data, random, examples, words):
    if data:
        data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))


def _cut(data, random, examples, words):
    del data[random.randrange(len(data) + 1) :]


def _remove(data, random, examples, words):
    start = random.randrange(len(data) + 1)
    del data[start : start + random.choice((1, 2, 4, 16, 64))]


def _repeat(data, random, examples, words):
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.choice((1, 4, 16, 64))]
    data[start:start] = piece * random.choice((1, 2, 8))


def _insert(data, random, examples, words):
    place = random.randrange(len(data) + 1)
    data[place:place] = random.choice((*_TEXTS, *words))


def _overwrite(data, random, examples, words):
    place = random.randrange(len(data) + 1)
    piece = random.choice((*_TEXTS, *words))
    data[place : place + len(piece)] = piece


def _number(data, random, examples, words):
    form = random.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    value = (random.choice(_EDGES) + random.choice((-1, 0, 0, 1))) % 2 ** (8 * size)
    place = random.randrange(len(data) + 1)
    data[place : place + size] = struct.pack(form, value)


def _value(data, random, examples, words):
    """A word or number of a text becomes another value."""
    places = [place for place, byte in enumerate(data) if byte in b':=,[ >"']
    if places:
        start = random.choice(places) + 1
        end = next((p for p in range(start, len(data)) if data[p] in b',]}\n<"'), len(data))
        data[start:end] = random.choice((*_TEXTS, *words))


def _splice(data, random, examples, words):
    other = random.choice(examples)
    start = random.randrange(len(data) + 1)
    data[start:] = other[random.randrange(len(other) + 1) :]


_CHANGES = (_flip, _set, _cut, _remove, _repeat, _insert, _overwrite, _number, _value, _value, _splice)
