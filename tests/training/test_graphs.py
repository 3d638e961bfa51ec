"""A graph that is called past the compiler answers as one that the compiler checks before each call."""

import pytest
import torch

from zoo.contracts.examples import Batch
from zoo.training.graphs import Graph

pytestmark = [
    pytest.mark.slow,
    # The compiler's own: modules and settings that it uses and that are to go one day.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def batch(number, size=4):
    generator = torch.Generator().manual_seed(number)
    return Batch((torch.randn(size, 3, generator=generator),), torch.randn(size, generator=generator))


class Summing:
    """Adds up what it is given, with a factor from Python."""

    def __init__(self):
        self.total, self.factor = torch.zeros(()), 1.0
        self.seen, self.last, self.shift = [], None, torch.zeros(())

    def plain(self, batch):
        self.total.add_(batch.inputs[0].sum() * self.factor)
        return self.total + batch.target.sum()

    def remembering(self, batch):
        self.last = batch.inputs[0] * 2
        return self.plain(batch)

    def keeping_its_input(self, batch):
        self.last = batch.inputs[0]
        return self.plain(batch)

    def listing(self, batch):
        self.seen.append(1)
        return self.plain(batch)

    def shifted(self, batch):
        return self.plain(batch) + self.shift


def graph_of(function, *, dynamic=False):
    torch.compiler.reset()
    return Graph(function, captures=False, dynamic=dynamic)


def answers_agree(name, batches, between=lambda summing, number: None):
    """Whether compiled and uncompiled answer the same; and whether the compiler was passed by."""
    ours, plain = Summing(), Summing()
    graph = graph_of(getattr(ours, name))
    for number, each in enumerate(batches):
        found = graph(each).clone()
        torch.testing.assert_close(found, getattr(plain, name)(each))
        between(ours, number)
        between(plain, number)
    torch.testing.assert_close(ours.total, plain.total)
    return graph, ours, plain


def test_from_the_third_batch_of_a_shape_on_the_graph_itself_is_called():
    summing = Summing()
    graph = graph_of(summing.plain)
    graph(batch(0))
    graph(batch(1))
    assert graph.is_direct
    with torch.compiler.set_stance("fail_on_recompile"):
        summing.factor = 2.0  # what the compiler would see
        graph(batch(2))


def test_its_answers_are_those_of_the_function_for_batches_of_two_sizes():
    sizes = [4, 4, 4, 2, 4, 2, 2, 2, 4]
    graph, _, _ = answers_agree("plain", [batch(number, size) for number, size in enumerate(sizes)])
    assert graph.is_direct


def test_after_something_else_ran_it_sees_what_changed():
    summing = Summing()
    graph = graph_of(summing.plain)
    for number in range(4):
        graph(batch(number))
    summing.factor = 10.0
    graph.look_again()
    assert not graph.is_direct
    before = summing.total.clone()
    graph(batch(9))
    torch.testing.assert_close(summing.total - before, 10 * batch(9).inputs[0].sum())


@pytest.mark.parametrize("name", ["remembering", "keeping_its_input", "listing"])
def test_a_function_that_does_more_than_change_tensors_is_always_called_through_the_compiler(name):
    graph, ours, plain = answers_agree(name, [batch(number) for number in range(5)])
    assert not graph.is_direct
    assert ours.seen == plain.seen
    assert (ours.last is None) == (plain.last is None)
    if ours.last is not None:
        torch.testing.assert_close(ours.last, plain.last)


def test_a_tensor_that_is_replaced_is_never_taken_for_the_one_before():
    def replace(summing, number):
        summing.shift = torch.full((), float(number))

    graph, _, _ = answers_agree("shifted", [batch(number) for number in range(5)], replace)
    assert not graph.is_direct


def test_a_graph_for_every_shape_is_called_through_the_compiler():
    graph = graph_of(Summing().plain, dynamic=True)
    for number, size in enumerate([4, 5, 6, 6, 6]):
        graph(batch(number, size))
    assert not graph.is_direct
