import platform
import subprocess
import sys

FAULTS = """
import resource, sys
from zoo.training.allocation import keep_freed_memory
import numpy as np
kept = keep_freed_memory() if sys.argv[1] == "yes" else None
np.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(2**24)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(is_asked):
    command = [sys.executable, "-c", FAULTS, is_asked]
    kept, count = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return kept, int(count)


def test_memory_that_was_freed_is_used_again_without_new_pages():
    kept, count = faults("yes")
    if platform.libc_ver()[0] != "glibc":
        assert kept == "False"
        return
    assert kept == "True"
    _, count_before = faults("no")
    # An array of 128 MiB is 32,768 pages, or fewer where the system hands out large ones.
    assert count < count_before / 10
