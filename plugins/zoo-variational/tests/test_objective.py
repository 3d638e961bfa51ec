import pytest
import torch

from zoo.plugin import Batch, UsageError
from zoo_variational.losses import EvidenceLowerBound
from zoo_variational.objective import variational
from zoo_variational.vae import VAE

SHAPE = (1, 8, 8)


def bars(num_examples):
    """One white column among black ones: eight kinds of picture."""
    column = torch.randint(0, 8, (num_examples,))
    pictures = torch.full((num_examples, *SHAPE), -1.0)
    pictures[torch.arange(num_examples), :, :, column] = 1.0
    return Batch((torch.randn(num_examples, 4),), pictures)


def test_one_player_plays_once_with_one_value_an_example(signature_of):
    models, batch = {"model": VAE(signature_of(SHAPE))}, bars(6)
    (turn,) = variational(models, batch, EvidenceLowerBound())
    assert turn.player == "model"
    assert turn.loss.shape == (6,)


def test_the_values_are_the_loss_of_the_reconstruction(signature_of):
    network, batch = VAE(signature_of(SHAPE)).eval(), bars(6)
    (turn,) = variational({"model": network}, batch, EvidenceLowerBound(beta=2.0))
    mean, log_variance = network.encode(batch.target)
    expected = EvidenceLowerBound(beta=2.0)(network.decoder(mean), batch.target, mean, log_variance)
    torch.testing.assert_close(turn.loss, expected)


def test_judging_changes_nothing_and_gives_the_same_values_twice(signature_of):
    network, batch = VAE(signature_of(SHAPE)).eval(), bars(6)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        first, second = (
            next(variational({"model": network}, batch, EvidenceLowerBound())).loss for _ in range(2)
        )
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"width": 16}, {"layers": "connected", "hidden": (64,)}], ids=["convolutional", "connected"]
)
def test_training_finds_what_varies_and_samples_look_like_the_data(options, signature_of):
    network = VAE(signature_of(SHAPE), **options)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(400):
        cost = next(variational({"model": network}, bars(32), EvidenceLowerBound())).loss.mean()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        judged = next(variational({"model": network}, bars(256), EvidenceLowerBound())).loss.mean()
        columns = (network(torch.randn(256, 4)) > 0).float().mean((1, 2))
    # Independent pixels cost 64 H(1/8) = 24.1 nats and a perfect code log 8 = 2.1 nats.
    assert judged < 8
    is_bar = (columns.amax(1) > 0.9) & (columns.sum(1) < 1.5)
    assert is_bar.float().mean() > 0.4


def test_networks_that_do_not_encode_are_refused():
    with pytest.raises(UsageError, match="needs a network that encodes pictures and reconstructs them"):
        next(variational({"model": torch.nn.Linear(1, 1)}, bars(2), EvidenceLowerBound()))


def test_a_loss_of_two_players_is_refused(signature_of):
    with pytest.raises(UsageError) as refusal:
        next(variational({"model": VAE(signature_of(SHAPE))}, bars(2), object()))
    assert "needs a loss of reconstructions, and object is none" in str(refusal.value)
    assert refusal.value.fix == "loss=evidence-lower-bound"
