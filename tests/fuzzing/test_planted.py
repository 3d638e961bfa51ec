"""The harness finds bugs: small readers, each with one, which must come to light by mutants alone."""

import json
import random
import struct
import time

import pytest

from tests.fuzzing import oracle
from tests.fuzzing.campaign import Campaign, seeds
from tests.fuzzing.mutants import mutant
from tests.fuzzing.oracle import Target, fault
from zoo.errors import DataError

GOOD = struct.pack("<4sHH", b"ZOO1", 3, 2) + b"abc" + bytes([1, 2])
DOCUMENT = json.dumps({"name": "x", "shape": [2, 3], "values": [1, 2, 3]}).encode()


def _header(data):
    if len(data) < 8 or data[:4] != b"ZOO1":
        raise DataError("no header")
    return struct.unpack_from("<HH", data, 4)


def no_check_of_length(data):
    """Believes the length that the header says."""
    length, _ = _header(data)
    return data[8 + length - 1]


def one_too_far(data):
    """Compares with < where <= is right, and so reads one byte behind the end."""
    length, _ = _header(data)
    if len(data) < 8 + length:
        raise DataError("ends early")
    return data[8 + length]


def divides(data):
    """By a count that may be zero."""
    length, count = _header(data)
    return length // count


def uncaught_key(data):
    """Expects a key that need not be there."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError("no JSON") from error
    return document["shape"] if isinstance(document, dict) else None


def wrong_type(data):
    """Adds what need not be numbers."""
    try:
        return sum(json.loads(data)["values"])
    except (ValueError, KeyError, RecursionError) as error:
        raise DataError("no values") from error
    except TypeError as error:
        if "list indices" in str(error) or "subscriptable" in str(error):
            raise DataError("no table") from error
        raise


def infinity(data):
    """Turns a float into a whole number."""
    try:
        document = json.loads(data)
        return int(document["values"][0])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError("no values") from error


def encoding(data):
    """Takes all bytes for text."""
    return data.decode()


def slow(data):
    """Takes time by what the header says, not by what is there."""
    length, _ = _header(data)
    if length > 60_000:
        ends_at = time.process_time() + 0.2
        while time.process_time() < ends_at:
            pass


def disagrees(data):
    """Two readers of the same, one of which counts an empty last line."""
    assert data.count(b"\n") + 1 == len(data.splitlines()) or not data


def wrong_code(data):
    """Refuses with the code that means a bug."""
    error = DataError("no")
    error.exit_code = 1 if data[:1] != GOOD[:1] else 3
    raise error


PLANTED = (
    (no_check_of_length, GOOD), (one_too_far, GOOD + b"\0"), (divides, GOOD), (uncaught_key, DOCUMENT),
    (wrong_type, DOCUMENT), (infinity, DOCUMENT), (encoding, "é".encode() * 4), (slow, GOOD),
    (disagrees, b"a\nb\nc"), (wrong_code, GOOD),
)  # fmt: skip


@pytest.mark.parametrize(("read", "good"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_bug_is_found_and_kept_as_a_seed(read, good, tmp_path, monkeypatch):
    monkeypatch.setattr(oracle, "LONGEST_S", 0.1)
    assert fault(read, good) == ""
    campaign = Campaign(Target("planted", read, (good,)), tmp_path / "seeds")
    source = random.Random(0)
    while not campaign.faults and campaign.num_executions < 5000:
        campaign.once(mutant((good,), (), source))
    assert campaign.faults, campaign.num_executions
    [seed] = seeds(tmp_path / "seeds")
    assert fault(read, seed) in campaign.faults


def test_a_reader_without_a_bug_gives_no_finding(tmp_path):
    def read(data):
        if data != GOOD:
            raise DataError("not the one")

    campaign = Campaign(Target("sound", read, (GOOD,)), tmp_path / "seeds")
    source = random.Random(0)
    for _ in range(2000):
        campaign.once(mutant((GOOD,), (), source))
    assert campaign.faults == {}
    assert seeds(tmp_path / "seeds") == []


def test_the_same_number_gives_the_same_mutants():
    first, second = random.Random(7), random.Random(7)
    assert [mutant((GOOD,), (), first) for _ in range(200)] == [
        mutant((GOOD,), (), second) for _ in range(200)
    ]
