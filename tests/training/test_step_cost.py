"""What a step costs in Python, beside the arithmetic: counted, not timed."""

from benchmarks.loops import ours, stamps, torch_loops
from benchmarks.loops.works import WORKS


class Enough(Exception):
    pass


def calls_of_the_bare_loop(name):
    calls, work = stamps.Calls(), WORKS[name]
    num_forwards = 0

    def mark():
        nonlocal num_forwards
        num_forwards += 1
        if num_forwards == 1:
            calls.start()
        elif num_forwards <= 20:
            calls.mark()
        else:
            raise Enough

    try:
        with stamps.listening(mark):
            torch_loops.limit(work, work.network(), fused=True)
    except Enough:
        calls.stop()
    return sorted(calls.calls)[len(calls.calls) // 2]


def test_a_step_of_a_tiny_network_enters_at_most_three_hundred_python_functions(tmp_path):
    assert ours.count_calls("d", tmp_path) <= 300


def test_a_step_enters_at_most_twice_the_functions_of_a_bare_loop(tmp_path):
    assert ours.count_calls("d", tmp_path) <= 2 * calls_of_the_bare_loop("d")
