"""Where examples stand, as names that are made when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Places(Sequence[str]):
    """Names ``"<prefix> <number>"`` of many examples: a string each would take more memory than their numbers.

    Attributes:
        prefix: What all of them begin with.
        numbers: int64 ``[examples]``, or a range.
    """

    prefix: str
    numbers: range | npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        """The name of one example, or the places of a slice."""
        if isinstance(index, slice):
            return Places(self.prefix, self.numbers[index])
        return f"{self.prefix} {self.numbers[index]}"

    def take(self, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> "Places":
        """The places of some examples, in this order."""
        return Places(self.prefix, np.asarray(self.numbers, np.int64)[np.asarray(indices, np.intp)])
