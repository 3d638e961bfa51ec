"""What may happen when a parser meets any bytes at all."""

import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from zoo.errors import ZooError

CODES = {2, 3, 4, 5, 6, 7, 8}
LONGEST_S = 5.0
"""Seconds of the processor for one input; inputs have a few kilobytes."""


@dataclass(frozen=True)
class Target:
    """Something that reads bytes.

    Attributes:
        name: What it is called on the command line, and the folder of its seeds.
        read: Reads them; only ``ZooError`` may escape.
        examples: Good inputs, which mutants are made from.
        guided: Whether coverage is a guide here: the parser is written in Python.
        words: Pieces of the format, which mutants are put together from.
    """

    name: str
    read: Callable[[bytes], None]
    examples: tuple[bytes, ...] = (b"",)
    guided: bool = True
    words: tuple[bytes, ...] = field(default=())


def fault(read: Callable[[bytes], None], data: bytes) -> str:
    """What was wrong about the reading, in a word that is the same for the same fault; empty if nothing was."""
    started_at = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(data)
    except ZooError as error:
        if error.exit_code not in CODES or not error.message:
            return f"{type(error).__name__} with exit code {error.exit_code}"
    except RecursionError as error:
        return f"RecursionError at {_place(error)}"
    except Exception as error:
        return f"{type(error).__name__} at {_place(error)}"
    took_s = time.process_time() - started_at
    return "took too long" if took_s > LONGEST_S else ""


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/zoo/" in frame.filename or "/tests/" in frame.filename]
    frame = (own or list(frames))[-1]
    return f"{frame.filename.rpartition('/')[2]}:{frame.name}"
