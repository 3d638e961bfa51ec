import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.batches import batch_indices, derive_seed, epoch_order, num_batches

counts, sizes, seeds = st.integers(1, 300), st.integers(1, 64), st.integers(0, 2**31)


@given(counts, seeds, st.integers(0, 99))
def test_an_epoch_shows_every_example_once(count, seed, epoch):
    order = epoch_order(count, seed=seed, epoch=epoch)
    assert torch.equal(order.sort().values, torch.arange(count))


@given(counts, seeds, st.integers(0, 99))
def test_the_order_is_a_pure_function_of_seed_and_epoch(count, seed, epoch):
    torch.manual_seed(1)
    first = epoch_order(count, seed=seed, epoch=epoch)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    torch.rand(3)
    assert torch.equal(epoch_order(count, seed=seed, epoch=epoch), first)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_epochs_and_seeds_differ_in_order():
    orders = {tuple(epoch_order(50, seed=s, epoch=e).tolist()) for s in range(5) for e in range(5)}
    assert len(orders) == 25


@given(counts, sizes)
def test_batches_cover_the_epoch_without_overlap(count, size):
    batches = list(batch_indices(torch.arange(count), size))
    assert len(batches) == num_batches(count, size)
    assert torch.equal(torch.cat(batches), torch.arange(count))


@given(counts, st.integers(2, 64))
def test_no_batch_of_several_holds_a_single_example(count, size):
    batches = list(batch_indices(torch.arange(count), size))
    assert count == 1 or min(map(len, batches)) > 1
    assert max(map(len, batches)) <= size + 1


@given(counts, sizes, st.integers(0, 300))
def test_a_later_start_gives_the_rest_of_the_same_batches(count, size, first):
    order = epoch_order(count, seed=0, epoch=0)
    whole = [batch.tolist() for batch in batch_indices(order, size)]
    assert [batch.tolist() for batch in batch_indices(order, size, first=first)] == whole[first:]


@given(st.lists(st.integers() | st.text(), min_size=1, max_size=4))
def test_a_derived_seed_is_one_that_torch_takes(parts):
    torch.Generator().manual_seed(derive_seed(*parts))


def test_derived_seeds_do_not_collide():
    seeds = {
        derive_seed(seed, word, step)
        for seed in range(10)
        for word in ("step", "order")
        for step in range(100)
    }
    assert len(seeds) == 2000
