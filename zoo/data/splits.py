"""Splits examples into train, validation and test, by seed.

Which side an example falls on depends on its content and the seed alone, not on where it stands in the
file: examples are ordered by a keyed hash of their inputs. Equal inputs have equal hashes, so duplicates
stay together and no test example is one the network was trained on.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.contracts.examples import Examples, Splits, Timeline
from zoo.contracts.targets import Binary, Classes, Labels, Several, Target, Values
from zoo.data.examples import digests, part_of, take
from zoo.errors import DataError, UsageError

ROLES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""What folders, files and arrays that hold a split are called."""

NUM_BINS = 10
Codes = npt.NDArray[np.int64]


def complete(splits: Splits, *, validation: float, test: float, seed: int) -> Splits:
    """Splits off from train what is missing, stratified; a fraction of 0 leaves it missing.

    Strata are classes, combinations of labels, or tenths of the first value; of several targets, those of
    the first. Every class and every label stays in train; duplicates of one raw input never fall on both
    sides. Examples with a timeline are not shuffled: the last part of the time is the test split, the part
    before it validation, and no training example's truth reaches into either.

    Args:
        splits: What the data declares.
        validation: Share of the examples in train that becomes validation, if there is none.
        test: The same for test.
        seed: Another seed gives other splits.

    Raises:
        UsageError: The two shares leave nothing to train on.
        DataError: There are too few examples.
    """
    if validation + test >= 1:
        raise UsageError(
            f"data.validation={validation} and data.test={test} leave nothing to train on",
            fix="together they must be below 1",
        )
    shares = {
        name: share
        for name, share in (("test", test), ("validation", validation))
        if share > 0 and getattr(splits, name) is None
    }
    if not shares:
        return replace(splits, timeline=None)
    sides = (
        _cut(splits.timeline, shares)
        if splits.timeline
        else assign(splits.train, splits.signature.target, shares, seed)
    )
    _require_examples(sides, shares)
    parts: dict[str, Any] = {
        name: take(splits.train, np.flatnonzero(sides == name)) for name in ("train", *shares)
    }
    return replace(splits, **parts, timeline=None)


def _cut(timeline: Timeline, shares: Mapping[str, float]) -> npt.NDArray[np.str_]:
    """The side of each example by when its truth begins; ``""`` where it reaches over the end of its side."""
    first, last = np.asarray(timeline.first), np.asarray(timeline.last)
    sides = np.full(len(first), "train", dtype="U10")
    stop = timeline.length
    for name in ("test", "validation"):
        start = stop - round(timeline.length * shares.get(name, 0.0))
        sides[(first >= start) & (first < stop)] = name
        sides[(first < start) & (last >= start)] = ""
        stop = start
    return sides


def assign(
    examples: Examples, target: Target, shares: Mapping[str, float], seed: int
) -> npt.NDArray[np.str_]:
    """The side of each example, ``"train"`` or a key of ``shares``: str ``[examples]``."""
    groups = list(_groups(examples, strata(examples, target), seed))
    sides = np.full(len(examples), "train", dtype="U10")
    for group, side in _allocate(groups, shares):
        sides[group.rows] = side
    _keep_in_train(sides, groups, kept_codes(examples, target))
    return sides


def strata(examples: Examples, target: Target) -> Codes:
    """The stratum of each example, int64 ``[examples]``."""
    if isinstance(target, Several):
        return strata(part_of(examples, target.parts[0]), target.parts[0])
    if isinstance(target, Values):
        values = np.nan_to_num(np.reshape(examples.target, (len(examples), -1))[:, 0])
        edges = np.quantile(values, np.linspace(0, 1, NUM_BINS + 1)[1:-1])
        return np.asarray(np.searchsorted(edges, values), dtype=np.int64)
    codes = kept_codes(examples, target)
    return _ranks(codes) if codes.shape[1] else np.zeros(len(examples), dtype=np.int64)


def kept_codes(examples: Examples, target: Target) -> Codes:
    """What must stay in train, int64 ``[examples, columns]``: each code of each column."""
    if isinstance(target, Several):
        return np.hstack([kept_codes(part_of(examples, part), part) for part in target.parts])
    if not isinstance(target, Classes | Binary | Labels):
        return np.zeros((len(examples), 0), dtype=np.int64)
    if isinstance(target, Labels):
        return np.nan_to_num(np.asarray(examples.target, np.float64), nan=-1).astype(np.int64)
    return _ranks(examples.target.astype(str)[:, np.newaxis])[:, np.newaxis]


def _ranks(rows: npt.NDArray[Any]) -> Codes:
    """A number for each distinct row of a matrix, in sorted order."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


@dataclass(frozen=True)
class _Group:
    """Examples with equal inputs."""

    stratum: int
    rows: list[int]


def _groups(examples: Examples, stratum: Codes, seed: int) -> Iterator[_Group]:
    """By stratum, and within one in an order drawn by the seed."""
    rows_by_digest: dict[bytes, list[int]] = {}
    for row, digest in enumerate(digests(examples)):
        rows_by_digest.setdefault(digest, []).append(row)
    key = str(seed).encode()
    drawn = [
        # Equal inputs with different labels: the smallest, whatever their order.
        (
            min(int(stratum[row]) for row in rows),
            hashlib.blake2b(digest, key=key, digest_size=16).digest(),
            rows,
        )
        for digest, rows in rows_by_digest.items()
    ]
    return (_Group(number, rows) for number, _, rows in sorted(drawn))


def _allocate(groups: Sequence[_Group], shares: Mapping[str, float]) -> Iterator[tuple[_Group, str]]:
    """Gives each side its share of the examples so far, stratum by stratum.

    Counting so far, not stratum by stratum, keeps the total right where strata are too small to divide.
    """
    num_so_far = 0
    given = dict.fromkeys(shares, 0)
    for _, same_stratum in groupby(groups, key=lambda group: group.stratum):
        members = list(same_stratum)
        num_rows = sum(len(group.rows) for group in members)
        num_so_far += num_rows
        quota = {
            side: min(round(num_so_far * share) - given[side], math.ceil(num_rows * share))
            for side, share in shares.items()
        }
        for group in members:
            side = next((side for side in shares if len(group.rows) <= quota[side]), None)
            if side:
                quota[side] -= len(group.rows)
                given[side] += len(group.rows)
                yield group, side


def _keep_in_train(sides: npt.NDArray[np.str_], groups: Sequence[_Group], codes: Codes) -> None:
    rows_with = {row: group.rows for group in groups for row in group.rows}
    for column in codes.T:
        for code in np.unique(column):
            rows = np.flatnonzero(column == code)
            if not (sides[rows] == "train").any():
                sides[rows_with[int(rows[0])]] = "train"


def _require_examples(sides: npt.NDArray[np.str_], shares: Mapping[str, float]) -> None:
    for name, share in shares.items():
        if not (sides == name).any():
            raise DataError(
                f"{len(sides)} examples are too few to split off {name} ({share:g} of them); equal ones stay together",
                fix=f"more examples that differ, or another share with data.{name}=…",
            )
