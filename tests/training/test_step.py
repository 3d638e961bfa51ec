import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Batch, Turn
from zoo.errors import NumericsError, PluginError
from zoo.training.objectives import supervised
from zoo.training.player import Player
from zoo.training.reduction import mean, reduce, share
from zoo.training.step import Step


def linear(seed=0):
    module = torch.nn.Linear(3, 2, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def player(module=None, optimizer=torch.optim.SGD, name="model", **keys):
    module = module or linear()
    schedule = keys.pop("schedule", lambda step, num_steps: 1.0)
    options = keys.pop("options", {"lr": 0.1})
    return Player(name, module, optimizer(module.parameters(), **options), schedule, **keys)


def batch(num_examples=30):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(num_examples, 3, generator=generator, dtype=torch.float64)
    return Batch((inputs,), torch.randn(num_examples, 2, generator=generator, dtype=torch.float64))


def cut(whole, sizes):
    parts = zip(whole.inputs[0].split(sizes), whole.target.split(sizes), strict=True)
    return [Batch((inputs,), target) for inputs, target in parts]


def squared(prediction, target):
    return (prediction - target).square()


def weighted(prediction, target):
    return (prediction - target).square(), target.abs()[:, :1]


def step(player, micro_batches, loss=squared):
    play = Step(
        {player.name: player},
        lambda models, batch: supervised(models, batch, loss),
        seed=lambda: torch.manual_seed(0),
    )
    return play(micro_batches)


def weights(player):
    return torch.cat([parameter.detach().flatten().clone() for parameter in player.module.parameters()])


# Reduction


@pytest.mark.parametrize("loss", [squared, weighted])
@pytest.mark.parametrize("sizes", [[7, 11, 12], [1, 29], [10, 10, 10], [1] * 30])
def test_an_update_does_not_depend_on_how_the_batch_was_cut(loss, sizes):
    whole, parts = player(), player()
    loss_whole = step(whole, [batch()], loss)["model"]
    loss_parts = step(parts, cut(batch(), sizes), loss)["model"]
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=1e-12)
    torch.testing.assert_close(loss_parts, loss_whole, rtol=1e-12, atol=0)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_any_cut_of_any_batch_gives_the_update_of_the_whole(sizes):
    whole, parts = player(), player()
    step(whole, [batch(sum(sizes))])
    step(parts, cut(batch(sum(sizes)), sizes))
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=1e-12)


def test_the_update_is_the_gradient_of_the_mean_over_every_value():
    moved, data = player(), batch()
    before = linear()
    step(moved, [data])
    # d/dW of mean((xW' + b - y)^2) over n examples and 2 values, by hand.
    residual = data.inputs[0] @ before.weight.T + before.bias - data.target
    gradient = 2 * residual.T @ data.inputs[0] / (30 * 2)
    torch.testing.assert_close(moved.module.weight, before.weight - 0.1 * gradient)


def test_a_weight_of_two_counts_as_the_example_twice():
    twice, doubled = player(), player()
    data = batch(2)
    step(twice, [Batch((data.inputs[0][[0, 0, 1]],), data.target[[0, 0, 1]])])
    step(doubled, [data], lambda p, t: ((p - t).square(), torch.tensor([[2.0], [1.0]], dtype=torch.float64)))
    torch.testing.assert_close(weights(doubled), weights(twice))


def test_reduce_gives_the_sum_and_its_count():
    total, count = reduce(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert (float(total), count) == (10.0, 4.0)
    total, count = reduce((torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.5], [0.0]])))
    assert (float(total), float(count)) == (1.5, 1.0)


@pytest.mark.parametrize("weights", [None, torch.tensor([[1.0], [3.0]])])
def test_the_mean_is_the_sum_over_its_count(weights):
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert float(mean(values if weights is None else (values, weights))) == (3.0 if weights is None else 3.75)


def test_halves_are_summed_and_their_gradients_scaled_in_single_precision():
    values = torch.full((100,), 1000.0, dtype=torch.float16, requires_grad=True)
    total, count = reduce(values)
    assert (total.item(), count) == (100_000.0, 100.0)
    loss = mean(values)
    assert loss.item() == 1000.0
    (loss * 65536.0).backward()
    torch.testing.assert_close(values.grad, torch.full((100,), 655.36, dtype=torch.float16))


@pytest.mark.parametrize("weights", [None, torch.tensor([[1.0], [3.0]])])
def test_the_share_of_each_value_is_the_gradient_of_their_mean(weights):
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    [gradient] = torch.autograd.grad(mean(values if weights is None else (values, weights)), values)
    torch.testing.assert_close(share(values, weights), gradient)


def test_the_share_of_halves_is_in_single_precision_so_that_it_can_be_scaled():
    found = share(torch.zeros(100, dtype=torch.float16), None)
    torch.testing.assert_close(found, torch.full((100,), 0.01))


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda p, t: (p - t).square().mean(), "returned a single number"),
        (lambda p, t: (p - t)[:0], "returned no values"),
    ],
)
def test_a_loss_that_is_reduced_or_empty_is_refused(loss, words):
    with pytest.raises(PluginError, match=words):
        step(player(), [batch()], loss)


# What must not happen


def nan_loss(prediction, target):
    return prediction.sum(1) * math.nan


def infinite_gradient(prediction, target):
    return (prediction - prediction.detach()).abs().sqrt()


@pytest.mark.parametrize("sizes", [[30], [15, 15]])
@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nan_loss, "the loss of 'model' is nan"),
        (infinite_gradient, "gradient of 'model' is not finite: first in weight"),
    ],
)
def test_a_number_that_is_not_finite_stops_before_the_weights_move(loss, words, sizes):
    stopped = player(optimizer=torch.optim.AdamW)
    before = weights(stopped)
    with pytest.raises(NumericsError, match=words) as caught:
        step(stopped, cut(batch(), sizes), loss)
    assert caught.value.exit_code == 7
    assert torch.equal(weights(stopped), before)
    assert stopped.optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("sizes", [[30], [10, 20]])
@pytest.mark.parametrize(
    "loss",
    [lambda p, t: t.clone().requires_grad_(), lambda p, t: (p.detach() - t).square()],
    ids=["of-other-things", "without-gradient"],
)
def test_a_loss_that_no_parameter_changes_is_refused(loss, sizes):
    with pytest.raises(PluginError, match="no gradient reaches 'model'"):
        step(player(), cut(batch(), sizes), loss)


def test_a_turn_for_nobody_names_the_players():
    def objective(models, batch):
        yield Turn("nobody", models["model"](*batch.inputs))

    with pytest.raises(PluginError) as caught:
        Step({"model": player()}, objective)([batch()])
    assert caught.value.message == "the objective yields a turn for 'nobody'"
    assert caught.value.fix == "players: model"


def test_micro_batches_whose_turns_differ_are_refused():
    def objective(models, batch):
        if len(batch) == 10:
            yield Turn("model", squared(models["model"](*batch.inputs), batch.target))

    with pytest.raises(PluginError, match="turns differ between micro-batches"):
        Step({"model": player()}, objective)(cut(batch(), [10, 20]))


# Clipping, averages, rates, closures


@pytest.mark.parametrize("sizes", [[30], [7, 23]])
def test_a_gradient_is_clipped_by_its_norm_over_all_parameters(sizes):
    clipped, free = player(clip_norm=1e-3), player()
    start = weights(free)
    step(clipped, cut(batch(), sizes))
    step(free, [batch()])
    move, full = weights(clipped) - start, weights(free) - start
    assert float(move.norm()) == pytest.approx(0.1 * 1e-3, rel=1e-3)
    torch.testing.assert_close(move / move.norm(), full / full.norm())


def test_a_gradient_below_the_clip_norm_is_left_alone():
    clipped, free = player(clip_norm=1e6), player()
    for each in (clipped, free):
        step(each, [batch()])
    assert torch.equal(weights(clipped), weights(free))


def test_the_average_is_exponential_from_the_first_update_on():
    module = linear()
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    averaged = player(module, average=torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=ema))
    seen = []
    for _ in range(4):
        step(averaged, [batch()])
        seen.append(weights(averaged))
    expected = seen[0]
    for value in seen[1:]:
        expected = 0.9 * expected + 0.1 * value
    average = torch.cat([parameter.flatten() for parameter in averaged.average.module.parameters()])
    torch.testing.assert_close(average, expected)


def test_the_schedule_scales_every_group_from_its_own_rate():
    module = linear()
    groups = [{"params": [module.weight], "lr": 0.1}, {"params": [module.bias], "lr": 0.4}]
    scheduled = Player("model", module, torch.optim.SGD(groups), lambda step, num_steps: 1 - step / num_steps)
    for number in (0, 5, 5):
        scheduled.set_rate(number, 10)
    assert [group["lr"] for group in scheduled.optimizer.param_groups] == [0.05, 0.2]


@pytest.mark.parametrize("sizes", [[30], [7, 11, 12]])
def test_an_optimizer_with_a_closure_solves_least_squares_in_one_step(sizes):
    options = {"lr": 1.0, "max_iter": 100, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-12}
    solver = player(optimizer=torch.optim.LBFGS, options=options, needs_closure=True)
    data = batch()
    first = float(step(solver, cut(data, sizes))["model"])
    design = torch.cat([data.inputs[0], torch.ones(30, 1, dtype=torch.float64)], dim=1)
    solution = torch.linalg.lstsq(design, data.target).solution
    torch.testing.assert_close(solver.module.weight, solution[:3].T, atol=1e-5, rtol=0)
    torch.testing.assert_close(solver.module.bias, solution[3], atol=1e-5, rtol=0)
    before = linear()
    assert first == pytest.approx(squared(before(*data.inputs), data.target).mean().item())


def test_a_closure_sees_the_same_dropout_each_time():
    seen = []

    def noisy(prediction, target):
        seen.append(float(torch.rand(1)))
        return squared(prediction, target)

    step(player(optimizer=torch.optim.LBFGS, options={"lr": 0.1}, needs_closure=True), [batch()], noisy)
    assert len(seen) > 2
    assert len(set(seen)) == 1


# Two players


def test_players_move_in_turn_each_against_the_other_as_it_stands():
    """minimax of f(x, y) = x y + x: x descends f, then y ascends f at the new x."""

    class Scalar(torch.nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = torch.nn.Parameter(torch.tensor(value))

    def game(models, batch):
        x, y = models["x"].value, models["y"].value
        yield Turn("x", (x * y.detach() + x).expand(len(batch)))
        yield Turn("y", -(models["x"].value.detach() * y).expand(len(batch)))

    players = {
        name: player(Scalar(value), name=name, options={"lr": rate})
        for name, value, rate in (("x", 2.0, 0.5), ("y", 3.0, 0.25))
    }
    losses = Step(players, game)(cut(batch(4), [1, 3]))
    # x: 2 - 0.5 * (3 + 1) = 0;  y: 3 + 0.25 * 0 = 3, which an update at the old x would make 3.5.
    assert players["x"].module.value.item() == 0.0
    assert players["y"].module.value.item() == 3.0
    assert {name: float(loss) for name, loss in losses.items()} == {"x": 8.0, "y": 0.0}


def test_a_turn_leaves_no_gradient_to_the_other_player():
    def game(models, batch):
        both = squared(models["b"](models["a"](*batch.inputs)), batch.target)
        yield Turn("a", both)
        yield Turn("b", squared(models["b"](models["a"](*batch.inputs)), batch.target))

    middle = torch.nn.Linear(2, 2, dtype=torch.float64)
    players = {"a": player(name="a"), "b": player(middle, name="b")}
    start = weights(players["b"])
    stopped = Step(players, game)([batch()])
    assert set(stopped) == {"a", "b"}
    assert not torch.equal(weights(players["b"]), start)
    assert all(parameter.grad is None for each in players.values() for parameter in each.module.parameters())
