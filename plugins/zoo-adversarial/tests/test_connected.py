import torch

from zoo_adversarial.connected import gan


def widths(network):
    return [
        (layer.in_features, layer.out_features)
        for layer in network.modules()
        if isinstance(layer, torch.nn.Linear)
    ]


def test_the_discriminator_mirrors_the_generator(signature_of):
    models = gan(signature_of((1, 28, 28)), hidden=(32, 64))
    assert widths(models["generator"]) == [(16, 32), (32, 64), (64, 784)]
    assert widths(models["discriminator"]) == [(784, 64), (64, 32), (32, 1)]


def test_a_label_doubles_what_the_generator_starts_from(signature_of):
    models = gan(signature_of((1, 28, 28), num_labels=10), hidden=(32, 64))
    assert widths(models["generator"])[0] == (32, 32)
    assert models["generator"].start.condition.weight.shape == (10, 16)


def test_dropout_acts_on_the_discriminator_in_training_only(signature_of):
    models = gan(signature_of((1, 8, 8)), dropout=0.5)
    pictures, latent = torch.randn(4, 1, 8, 8), torch.randn(4, 16)
    assert not torch.equal(models["discriminator"](pictures), models["discriminator"](pictures))
    assert torch.equal(models["generator"](latent), models["generator"](latent))
    models["discriminator"].eval()
    assert torch.equal(models["discriminator"](pictures), models["discriminator"](pictures))


def test_a_batch_of_one_can_be_learnt_from(signature_of):
    models = gan(signature_of((1, 8, 8)))
    assert models["discriminator"](models["generator"](torch.randn(1, 16))).shape == (1,)
