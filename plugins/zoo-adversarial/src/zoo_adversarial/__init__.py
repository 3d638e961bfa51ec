"""Generative adversarial networks: fully connected and convolutional, with a label or without."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.plugin import Architecture, Entry, Loss, Objective, hookimpl

# Adam and batches as in arXiv:1511.06434, section 4. The two losses rise and fall with the opponent and
# say nothing of the pictures, so the newest weights are taken; their average smooths out the chase.
_RECIPE: Mapping[str, Any] = {
    "loss.name": "non-saturating",
    "optimizer.name": "adam",
    "optimizer.lr": 2e-4,
    "optimizer.betas": [0.5, 0.999],
    "schedule.name": "constant",
    "batch_size": 64,
    "ema": 0.999,
    "checkpoint.best": "last",
}

_PLAYERS = ("generator", "discriminator")


def _network(name: str, factory: str, summary: str, reference: str) -> Architecture:
    return Architecture(
        name=name,
        factory=factory,
        summary=summary,
        reference=reference,
        accepts=("latent",),
        predicts=("sample",),
        players=_PLAYERS,
        objective="adversarial",
        exports="generator",
        is_conditional=name.startswith("conditional-"),
        latent_size=64,
        recipe=_RECIPE,
    )


def _loss(name: str, attribute: str, summary: str, reference: str) -> Loss:
    return Loss(
        name=name,
        factory=f"zoo_adversarial.losses:{attribute}",
        summary=summary,
        reference=reference,
        fits=("sample",),
        expects="real",
        is_nonnegative=name in ("non-saturating", "least-squares"),
    )


_CONNECTED = "zoo_adversarial.connected:gan"
_CONVOLUTIONAL = "zoo_adversarial.convolutional:dcgan"

NETWORKS = (
    _network("gan", _CONNECTED, "Fully connected generator and discriminator", "arXiv:1406.2661"),
    _network(
        "conditional-gan",
        _CONNECTED,
        "Fully connected generator and discriminator that are told the label",
        "arXiv:1411.1784 and arXiv:1802.05637",
    ),
    _network(
        "dcgan",
        _CONVOLUTIONAL,
        "Convolutional generator and discriminator for pictures of any size",
        "arXiv:1511.06434",
    ),
    _network(
        "conditional-dcgan",
        _CONVOLUTIONAL,
        "Convolutional generator and discriminator that are told the label",
        "arXiv:1511.06434, arXiv:1411.1784 and arXiv:1802.05637",
    ),
)

OBJECTIVE = Objective(
    name="adversarial",
    factory="zoo_adversarial.objective:adversarial",
    summary="Discriminator and generator take turns, each with a loss of its own",
    reference="arXiv:1406.2661, algorithm 1",
    fits=("sample",),
    plays=_PLAYERS,
)

LOSSES = (
    _loss("minimax", "Minimax", "The value of the game itself", "arXiv:1406.2661, eq. 1"),
    _loss(
        "non-saturating",
        "NonSaturating",
        "Minimax with a generator that learns while the discriminator wins",
        "arXiv:1406.2661, section 3",
    ),
    _loss("least-squares", "LeastSquares", "Squared distance from the wanted answer", "arXiv:1611.04076"),
    _loss(
        "adversarial-hinge",
        "Hinge",
        "Margin between real and fake",
        "arXiv:1705.02894 and arXiv:1802.05957",
    ),
    _loss(
        "wasserstein",
        "wasserstein",
        "Earth mover's distance, with a gradient penalty or clipped weights",
        "arXiv:1701.07875 and arXiv:1704.00028",
    ),
)


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures, the objective and the losses of this package."""
    return (*NETWORKS, OBJECTIVE, *LOSSES)
