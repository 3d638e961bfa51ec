"""Checks of a data set: whole, the same each time, and something that a network can be given."""

from functools import cached_property

import numpy as np

from zoo import data
from zoo.contracts.examples import Splits
from zoo.preprocessing import Encoder, fit
from zoo.testing.checks import Subject, expect
from zoo.testing.registration import suite
from zoo.testing.specimens import kinds

_NUM_EXAMPLES = 8


class DataSubject(Subject):
    """A data set, read once."""

    @cached_property
    def splits(self) -> Splits:
        """What the factory gives."""
        splits = self.make()
        expect(isinstance(splits, Splits), "Splits", type(splits).__name__)
        assert isinstance(splits, Splits)
        return splits


def is_whole(subject: DataSubject) -> None:
    """Its splits hold what its signature names, as many of each column as there are examples."""
    splits = subject.splits
    given = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    for name, examples in given.items():
        if examples is None:
            continue
        named = {spec.name for spec in splits.signature.inputs}
        expect(set(examples.inputs) == named, f"inputs {sorted(named)} in {name}", sorted(examples.inputs))
        for column, values in examples.inputs.items():
            expect(len(values) == len(examples), f"{len(examples)} of {column} in {name}", len(values))
    expect(len(splits.train) > 0, "examples to train on", "none")


def is_the_same_each_time(subject: DataSubject) -> None:
    """Read twice it is the same."""
    prints = [data.fingerprint(splits) for splits in (subject.splits, subject.make())]
    expect(prints[0] == prints[1], "the same data when it is read again", "another")


def can_be_encoded(subject: DataSubject) -> None:
    """Preprocessing can be fitted to it, and a network be given its first examples and their truth."""
    splits, (known, _) = subject.splits, kinds()
    preprocessing = fit(splits.signature, splits.train, known)
    encoder = Encoder(preprocessing)
    few = data.take(splits.train, np.arange(min(_NUM_EXAMPLES, len(splits.train))))
    encoded = encoder.store(few)
    for each in (*encoded.stored, *encoder.targets(few, encoded)):
        expect(len(each) == len(few), f"{len(few)} encoded examples", len(each))


SUITE = suite(is_whole, is_the_same_each_time, can_be_encoded, subject=DataSubject)
