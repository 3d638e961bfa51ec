"""Lets the C library keep the memory that a step frees, for the next one to use."""

import ctypes
import platform

# Of mallopt(3): blocks from this size on are fetched from the system one by one, free memory at the end of
# the heap above this is given back, and the heap grows by this much at a time.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = -3, -1, -2
_SETTINGS = ((_MMAP_THRESHOLD, 2**30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26))


def keep_freed_memory() -> bool:
    """Raises glibc's thresholds for this process; whether that was done.

    By itself glibc gives blocks above 32 MiB back to the system and fetches new pages a step later, each of
    which is a fault. A large convolutional network takes about a third less time without them, and the
    process some more memory (``python -m benchmarks.allocation``).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(name, value) for name, value in _SETTINGS)
