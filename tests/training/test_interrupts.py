import os
import signal
import threading

import pytest

from zoo.training.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_remembered_and_the_handler_put_back(number):
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert not interrupts.pending
        os.kill(os.getpid(), number)
        assert interrupts.pending == number
    assert signal.getsignal(number) is before


def test_a_second_interrupt_ends_the_program_at_once():
    with Interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_repeated_termination_is_remembered_once():
    with Interrupts() as interrupts:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.pending == signal.SIGTERM


def test_another_thread_leaves_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def enter():
        with Interrupts() as interrupts:
            seen.append((interrupts.pending, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(0, before)]
