"""Data sets: from a name or a path to raw examples in complete splits."""

from zoo.data.examples import check, concatenate, fingerprint, take, take_truth
from zoo.data.sources import Data, load, load_like, options_of, shared_defaults

__all__ = [
    "Data",
    "check",
    "concatenate",
    "fingerprint",
    "load",
    "load_like",
    "options_of",
    "shared_defaults",
    "take",
    "take_truth",
]
