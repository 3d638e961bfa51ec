"""Rows R1, R2, R6 and N1 against Lightning and the Hugging Face Trainer: ``python -m benchmarks.faults.peers``.

The same rows of data, network, optimizer, schedule and number of steps as W, as far as each can say it (neither
run has a moving average), with what its documentation recommends for stopping and going on.
"""
