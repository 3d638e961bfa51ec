import pytest
import torch

from zoo.plugin import Batch, UsageError
from zoo_adversarial.connected import gan
from zoo_adversarial.convolutional import dcgan
from zoo_adversarial.losses import Minimax, NonSaturating, wasserstein
from zoo_adversarial.objective import adversarial

SHAPE = (1, 8, 8)


def batch_of(num_examples, num_labels=0):
    label = (torch.arange(num_examples) % num_labels + 2,) if num_labels else ()
    return Batch((torch.randn(num_examples, 16), *label), torch.rand(num_examples, *SHAPE) * 2 - 1)


def play(models, batch, loss, optimizers=None, **options):
    """A trainer in small: updates each turn's player before it asks for the next turn."""
    played = []
    for turn in adversarial(models, batch, loss, **options):
        played.append((turn.player, turn.loss.detach()))
        turn.loss.mean().backward(inputs=list(models[turn.player].parameters()))
        if optimizers:
            optimizers[turn.player].step()
            optimizers[turn.player].zero_grad()
    return played


def optimizers_of(models, lr=0.01):
    return {name: torch.optim.SGD(model.parameters(), lr) for name, model in models.items()}


class Recorder(torch.nn.Module):
    """A network with one weight that keeps what it was given."""

    def __init__(self, answer):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.answer = answer
        self.seen = []

    def forward(self, *inputs):
        self.seen.append(
            (torch.is_grad_enabled(), inputs[0].requires_grad, *(each.detach() for each in inputs))
        )
        return self.answer(*inputs) * self.weight


def recorders():
    return {
        "generator": Recorder(lambda latent, *label: latent[:, :4].reshape(-1, 1, 2, 2)),
        "discriminator": Recorder(lambda pictures, *label: pictures.flatten(1).sum(1)),
    }


def numbered(num_examples):
    """Example i has latent vector i, category i + 2 and the picture 100 + i."""
    places = torch.arange(num_examples)
    return Batch(
        (places.float().reshape(-1, 1).expand(-1, 16), places + 2),
        (100.0 + places).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2),
    )


@pytest.mark.parametrize(
    ("turns", "order"),
    [
        ({}, "dg"),
        ({"discriminator": 3}, "dddg"),
        ({"generator": 2}, "dgg"),
        ({"discriminator": 2, "generator": 3}, "ddggg"),
    ],
)
def test_the_discriminator_plays_first_and_each_as_often_as_told(turns, order, signature_of):
    played = play(gan(signature_of(SHAPE)), batch_of(6), NonSaturating(), turns=turns)
    assert "".join(player[0] for player, _ in played) == order


def test_values_are_unreduced_one_an_example(signature_of):
    played = play(gan(signature_of(SHAPE)), batch_of(6), NonSaturating())
    assert [values.shape for _, values in played] == [(6,), (6,)]


def test_the_discriminators_turns_share_the_batch_row_by_row():
    models = recorders()
    play(models, numbered(5), NonSaturating(), turns={"discriminator": 2})
    seen = [
        (pictures[:, 0, 0, 0].tolist(), label.tolist())
        for *_, pictures, label in models["discriminator"].seen
    ]
    assert seen == [
        ([100, 101, 102], [2, 3, 4]),
        ([0, 1, 2], [2, 3, 4]),
        ([103, 104], [5, 6]),
        ([3, 4], [5, 6]),
        ([0, 1, 2, 3, 4], [2, 3, 4, 5, 6]),
    ]


def test_a_batch_smaller_than_the_number_of_turns_is_seen_whole_each_time():
    models = recorders()
    played = play(models, numbered(2), NonSaturating(), turns={"discriminator": 3})
    assert [len(values) for _, values in played] == [2, 2, 2, 2]


def test_fakes_for_the_discriminator_are_made_once_and_without_gradients():
    models = recorders()
    play(models, numbered(4), NonSaturating(), turns={"discriminator": 2, "generator": 2})
    assert [has_gradients for has_gradients, *_ in models["generator"].seen] == [False, True, True]
    of_pictures = [requires_grad for _, requires_grad, *_ in models["discriminator"].seen]
    assert of_pictures == [False] * 4 + [True] * 2


def test_each_turn_gives_gradients_to_its_own_player_alone(signature_of):
    models = dcgan(signature_of(SHAPE))
    game = adversarial(models, batch_of(6), NonSaturating())
    next(game).loss.mean().backward()
    assert all(parameter.grad is None for parameter in models["generator"].parameters())
    assert all(parameter.grad.abs().max() > 0 for parameter in models["discriminator"].parameters())
    next(game).loss.mean().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in models["generator"].parameters())


def test_the_generator_plays_against_the_discriminator_that_was_just_updated(signature_of):
    models, batch = gan(signature_of(SHAPE), dropout=0.0), batch_of(6)
    fresh = play(models, batch, NonSaturating())
    played = play(models, batch, NonSaturating(), optimizers_of(models, lr=1.0))
    torch.testing.assert_close(fresh[0][1], played[0][1])
    assert (fresh[1][1] - played[1][1]).abs().min() > 0.01


def test_the_values_are_those_of_the_loss(signature_of):
    models, batch = gan(signature_of(SHAPE), dropout=0.0), batch_of(6)
    (_, discriminator), (_, generator) = play(models, batch, Minimax())
    with torch.no_grad():
        real, fake = (
            models["discriminator"](batch.target),
            models["discriminator"](models["generator"](*batch.inputs)),
        )
    expected = -real.sigmoid().log() - (1 - fake.sigmoid()).log()
    torch.testing.assert_close(discriminator, expected)
    torch.testing.assert_close(generator, (1 - fake.sigmoid()).log())


def test_both_players_are_told_the_label(signature_of):
    models = gan(signature_of(SHAPE, num_labels=3), dropout=0.0)
    batch = batch_of(6, num_labels=3)
    other = Batch((batch.inputs[0], batch.inputs[1].roll(1)), batch.target)
    for (_, values), (_, changed) in zip(
        play(models, batch, NonSaturating()), play(models, other, NonSaturating()), strict=True
    ):
        assert (values - changed).abs().min() > 0


def test_judging_changes_nothing_and_gives_the_same_values_twice(signature_of):
    models, batch = dcgan(signature_of(SHAPE), normalisation="layer", dropout=0.3), batch_of(6)
    before = {
        name: {key: value.clone() for key, value in model.state_dict().items()}
        for name, model in models.items()
    }
    for model in models.values():
        model.eval()
    judged = []
    with torch.no_grad():
        for loss in (wasserstein(penalty=0, clip=0.001), wasserstein(penalty=0, clip=0.001), wasserstein()):
            judged.append([turn.loss for turn in adversarial(models, batch, loss)])
    for other in judged[1:]:
        assert all(torch.equal(first, second) for first, second in zip(judged[0], other, strict=True))
    for name, model in models.items():
        assert all(torch.equal(value, before[name][key]) for key, value in model.state_dict().items())


def test_the_penalty_is_added_while_gradients_are_taken(signature_of):
    models, batch = gan(signature_of(SHAPE), dropout=0.0), batch_of(6)
    ((_, plain), _) = play(models, batch, wasserstein(penalty=0, clip=10.0))
    ((_, penalised), _) = play(models, batch, wasserstein(penalty=10))
    assert (penalised - plain).min() > 0.1


def test_a_penalised_critic_learns_a_slope_near_one(signature_of):
    models = gan(signature_of(SHAPE), hidden=(32,), dropout=0.0)
    optimizers, batch = optimizers_of(models, lr=0.05), batch_of(64)
    optimizers["generator"] = torch.optim.SGD(models["generator"].parameters(), lr=0.0)
    for _ in range(200):
        play(models, batch, wasserstein(), optimizers)
    pictures = batch.target.clone().requires_grad_()
    (slope,) = torch.autograd.grad(models["discriminator"](pictures).sum(), pictures)
    assert 0.7 < slope.flatten(1).norm(dim=1).mean() < 1.3


def test_clipping_bounds_the_discriminator_after_each_of_its_updates(signature_of):
    models = gan(signature_of(SHAPE))
    optimizers = optimizers_of(models, lr=1.0)
    largest = []
    for turn in adversarial(
        models, batch_of(6), wasserstein(penalty=0, clip=0.01), turns={"discriminator": 2}
    ):
        largest.append(max(p.abs().max().item() for p in models["discriminator"].parameters()))
        turn.loss.mean().backward(inputs=list(models[turn.player].parameters()))
        optimizers[turn.player].step()
    assert largest[0] > 0.01
    assert largest[1:] == pytest.approx([0.01, 0.01])
    assert max(p.abs().max() for p in models["generator"].parameters()) > 0.01


def test_training_moves_fakes_towards_the_data(signature_of):
    # The data is one grey level: a generator that plays well reaches it from wherever it starts.
    models = gan(signature_of(SHAPE), hidden=(32,), dropout=0.0)
    optimizers = {
        name: torch.optim.Adam(model.parameters(), 2e-3, betas=(0.5, 0.999)) for name, model in models.items()
    }
    grey = torch.full((32, *SHAPE), 0.6)
    for _ in range(300):
        play(
            models,
            Batch((torch.randn(32, 16),), grey + 0.05 * torch.randn_like(grey)),
            NonSaturating(),
            optimizers,
        )
    with torch.no_grad():
        assert (models["generator"](torch.randn(64, 16)).mean() - 0.6).abs() < 0.15


def test_a_loss_for_one_player_is_refused_with_those_that_fit(signature_of):
    with pytest.raises(UsageError) as refusal:
        next(adversarial(gan(signature_of(SHAPE)), batch_of(2), torch.nn.MSELoss()))
    assert "needs a loss for two players, and MSELoss is for one" in str(refusal.value)
    assert "loss=non-saturating" in refusal.value.fix


def test_networks_for_another_objective_are_refused(signature_of):
    with pytest.raises(UsageError, match="needs the players 'generator' and 'discriminator', not model"):
        next(adversarial({"model": torch.nn.Linear(1, 1)}, batch_of(2), NonSaturating()))


def test_a_penalty_a_picture_is_refused_where_the_batch_is_normalised(signature_of):
    with pytest.raises(UsageError) as refusal:
        next(adversarial(dcgan(signature_of((1, 16, 16))), batch_of(2), wasserstein()))
    assert "batch normalisation makes a logit depend on the other pictures" in str(refusal.value)
    assert refusal.value.fix == "model.normalisation=layer, or spectral"


@pytest.mark.parametrize("options", [{"normalisation": "layer"}, {"normalisation": "spectral"}])
def test_a_penalty_goes_with_every_other_normalisation(options, signature_of):
    models = dcgan(signature_of((1, 16, 16)), **options)
    optimizers, batch = optimizers_of(models), Batch((torch.randn(4, 16),), torch.randn(4, 1, 16, 16))
    for _ in range(2):
        assert all(values.isfinite().all() for _, values in play(models, batch, wasserstein(), optimizers))
