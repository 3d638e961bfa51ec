"""Plain data as strict JSON holds it."""

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Tuples become lists, and a float that is not finite becomes null.

    A metric can be undefined, as the AUROC of a split with one class is; JSON has no NaN.
    """
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
