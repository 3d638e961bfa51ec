"""Fully connected adversarial networks (Goodfellow et al. 2014), with a label or without."""

import math
from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from zoo.plugin import Ge, Lt, Signature
from zoo_adversarial.conditions import Start, Verdict
from zoo_adversarial.pictures import picture_shape, sizes

SLOPE = 0.2


def gan(
    signature: Signature,
    *,
    hidden: tuple[Annotated[int, Ge(1)], ...] = (256, 512),
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3,
) -> dict[str, nn.Module]:
    """Generator and discriminator of fully connected layers (arXiv:1406.2661, section 5).

    The discriminator has dropout as in the paper; leaky ReLU with slope 0.2 stands in both for the
    paper's ReLU and maxout. A label, where one is asked for, goes in beside the latent vector
    (arXiv:1411.1784), and into the discriminator by projection (arXiv:1802.05637).

    Args:
        signature: A latent vector, perhaps a category, and one picture to emit of 8 x 8 pixels or more.
        hidden: Widths of the generator's hidden layers, the first one nearest to the latent vector; the
            discriminator has the same from its answer on.
        dropout: Probability with which a hidden unit of the discriminator is zeroed in training.

    Returns:
        The players ``generator`` and ``discriminator``.

    Raises:
        DataError: The pictures are too small.
    """
    shape = picture_shape(signature, network="gan")
    latent_size, num_values = sizes(signature)
    return {
        "generator": Generator(shape, hidden, latent_size, num_values),
        "discriminator": Discriminator(shape, hidden[::-1], num_values, dropout),
    }


class Generator(nn.Module):
    """Latent vectors, and perhaps categories, become pictures.

    Args:
        shape: Channels, height and width of a picture.
        hidden: Widths of the hidden layers.
        latent_size: Numbers in a latent vector.
        num_values: Values of the category; ``None`` without one.
    """

    def __init__(
        self, shape: tuple[int, int, int], hidden: tuple[int, ...], latent_size: int, num_values: int | None
    ) -> None:
        super().__init__()
        self.start = Start(latent_size, num_values)
        widths = (self.start.size, *hidden)
        self.layers = nn.Sequential(
            *(layer for sizes in pairwise(widths) for layer in connection(*sizes, dropout=0.0)),
            nn.Linear(widths[-1], math.prod(shape)),
            nn.Tanh(),
            nn.Unflatten(1, shape),
        )

    def forward(self, latent: Tensor, *category: Tensor) -> Tensor:
        """Pictures ``[batch, channels, height, width]`` in [-1, 1].

        Args:
            latent: ``[batch, latent]``.
            category: int64 ``[batch]``, of a generator that is asked for a label.
        """
        pictures: Tensor = self.layers(self.start(latent, *category))
        return pictures


class Discriminator(nn.Module):
    """Pictures, and perhaps categories, become logits of being real.

    Args:
        shape: Channels, height and width of a picture.
        hidden: Widths of the hidden layers.
        num_values: Values of the category; ``None`` without one.
        dropout: Probability with which a hidden unit is zeroed.
    """

    def __init__(
        self, shape: tuple[int, int, int], hidden: tuple[int, ...], num_values: int | None, dropout: float
    ) -> None:
        super().__init__()
        widths = (math.prod(shape), *hidden)
        self.layers = nn.Sequential(
            nn.Flatten(),
            *(layer for sizes in pairwise(widths) for layer in connection(*sizes, dropout=dropout)),
        )
        self.verdict = Verdict(widths[-1], num_values)

    def forward(self, pictures: Tensor, *category: Tensor) -> Tensor:
        """Logits ``[batch]``.

        Args:
            pictures: ``[batch, channels, height, width]``.
            category: int64 ``[batch]``, of a discriminator that knows the label.
        """
        logits: Tensor = self.verdict(self.layers(pictures), *category)
        return logits


def connection(num_in: int, num_out: int, *, dropout: float) -> list[nn.Module]:
    """A linear map, leaky ReLU and dropout."""
    layers: list[nn.Module] = [nn.Linear(num_in, num_out), nn.LeakyReLU(SLOPE)]
    return [*layers, nn.Dropout(dropout)] if dropout > 0 else layers
