"""Fuzzing of everything that reads what somebody else wrote: ``python -m tests.fuzzing --minutes 10``."""
