"""glibc's thresholds set in the running process, when ``BENCH_MALLOPT`` says so."""

import ctypes
import os

# From malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def set_thresholds(when: str) -> None:
    """As the environment would: blocks of up to 1 GiB from the heap, whose top is kept."""
    if os.environ.get("BENCH_MALLOPT") != when:
        return
    mallopt = ctypes.CDLL(None).mallopt
    for option, value in ((_M_MMAP_THRESHOLD, 2**30), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**26)):
        if not mallopt(option, value):
            raise OSError(f"mallopt({option}, {value}) was refused")
