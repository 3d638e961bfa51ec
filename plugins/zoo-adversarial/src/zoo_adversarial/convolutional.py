"""Deep convolutional adversarial networks (Radford, Metz and Chintala 2015), with a label or without."""

from typing import Annotated, Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from zoo.plugin import Ge, Lt, Signature
from zoo_adversarial.conditions import Start, Verdict
from zoo_adversarial.pictures import Sides, kernels, picture_shape, pyramid, sizes

LARGEST_FACTOR = 8
SLOPE = 0.2
STD = 0.02

Normalisation = Literal["batch", "layer", "spectral", "none"]


def dcgan(
    signature: Signature,
    *,
    width: Annotated[int, Ge(1)] = 32,
    normalisation: Normalisation = "batch",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> dict[str, nn.Module]:
    """Generator and discriminator of 4 x 4 convolutions with stride 2 (arXiv:1511.06434, section 3).

    The generator has batch normalisation and ReLU, the discriminator leaky ReLU with slope 0.2; weights
    start from N(0, 0.02²). Each level has half the side and twice the maps of the one above, up to eight
    times ``width``. A kernel is 3 along a side that is odd, so that every size is met exactly.

    A label, where one is asked for, goes in beside the latent vector (arXiv:1411.1784), and into the
    discriminator by projection (arXiv:1802.05637).

    Args:
        signature: A latent vector, perhaps a category, and one picture to emit of 8 x 8 pixels or more.
        width: Maps at half the picture's side.
        normalisation: Of the discriminator, over the batch as in the paper, over each picture (for losses
            with a gradient penalty, arXiv:1704.00028, section 4), of the weights (arXiv:1802.05957), or none.
        dropout: Probability with which a map of the discriminator is zeroed in training.

    Returns:
        The players ``generator`` and ``discriminator``.

    Raises:
        DataError: The pictures are too small.
    """
    shape = picture_shape(signature, network="dcgan")
    latent_size, num_values = sizes(signature)
    return {
        "generator": Generator(shape, width, latent_size, num_values),
        "discriminator": Discriminator(shape, width, num_values, normalisation, dropout),
    }


class Generator(nn.Module):
    """Latent vectors, and perhaps categories, become pictures.

    Args:
        shape: Channels, height and width of a picture.
        width: Maps at half its side.
        latent_size: Numbers in a latent vector.
        num_values: Values of the category; ``None`` without one.
    """

    def __init__(
        self, shape: tuple[int, int, int], width: int, latent_size: int, num_values: int | None
    ) -> None:
        super().__init__()
        channels, *picture = shape
        levels = pyramid(*picture)
        maps = [channels, *widths(width, len(levels) - 1)]
        base = (maps[-1], *levels[-1])
        self.start = Start(latent_size, num_values)
        self.base = nn.Sequential(
            nn.Linear(self.start.size, base[0] * base[1] * base[2], bias=False),
            nn.Unflatten(1, base),
            nn.BatchNorm2d(maps[-1]),
            nn.ReLU(),
        )
        hidden = [upwards(maps[i + 1], maps[i], levels[i]) for i in reversed(range(1, len(levels) - 1))]
        last = nn.ConvTranspose2d(maps[1], channels, kernels(levels[0]), stride=2, padding=1)
        self.layers = nn.Sequential(*hidden, last, nn.Tanh())
        draw_weights(self)

    def forward(self, latent: Tensor, *category: Tensor) -> Tensor:
        """Pictures ``[batch, channels, height, width]`` in [-1, 1].

        Args:
            latent: ``[batch, latent]``.
            category: int64 ``[batch]``, of a generator that is asked for a label.
        """
        pictures: Tensor = self.layers(self.base(self.start(latent, *category)))
        return pictures


class Discriminator(nn.Module):
    """Pictures, and perhaps categories, become logits of being real.

    Args:
        shape: Channels, height and width of a picture.
        width: Maps at half its side.
        num_values: Values of the category; ``None`` without one.
        normalisation: After each convolution but the first, or of all weights.
        dropout: Probability with which a map is zeroed.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        width: int,
        num_values: int | None,
        normalisation: Normalisation,
        dropout: float,
    ) -> None:
        super().__init__()
        channels, *picture = shape
        levels = pyramid(*picture)
        maps = [channels, *widths(width, len(levels) - 1)]
        layers: list[nn.Module] = []
        for level, sides in enumerate(levels[:-1]):
            # The paper leaves the first one as it is: normalised inputs made training unstable.
            chosen = "none" if level == 0 and normalisation != "spectral" else normalisation
            layers.extend(downwards(maps[level], maps[level + 1], sides, chosen, dropout))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.verdict = Verdict(maps[-1] * levels[-1].height * levels[-1].width, num_values)
        draw_weights(self)
        if normalisation == "spectral":
            bound_weights(self)

    def forward(self, pictures: Tensor, *category: Tensor) -> Tensor:
        """Logits ``[batch]``.

        Args:
            pictures: ``[batch, channels, height, width]``.
            category: int64 ``[batch]``, of a discriminator that knows the label.
        """
        logits: Tensor = self.verdict(self.layers(pictures), *category)
        return logits


def widths(width: int, num_levels: int) -> list[int]:
    """Maps of each level below the picture."""
    return [width * min(2**level, LARGEST_FACTOR) for level in range(num_levels)]


def upwards(num_in: int, num_out: int, larger: Sides) -> nn.Sequential:
    """A transposed convolution to twice the side, batch normalisation and ReLU."""
    weights = nn.ConvTranspose2d(num_in, num_out, kernels(larger), stride=2, padding=1, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(num_out), nn.ReLU())


def downwards(
    num_in: int, num_out: int, larger: Sides, normalisation: Normalisation, dropout: float
) -> list[nn.Module]:
    """A convolution to half the side, normalisation, leaky ReLU and dropout, without those that do nothing."""
    # Batch normalisation subtracts each map's mean, and a bias before it with the mean.
    has_bias = normalisation != "batch"
    layers: list[nn.Module] = [
        nn.Conv2d(num_in, num_out, kernels(larger), stride=2, padding=1, bias=has_bias)
    ]
    if normalisation == "batch":
        layers.append(nn.BatchNorm2d(num_out))
    elif normalisation == "layer":
        layers.append(nn.GroupNorm(1, num_out))
    layers.append(nn.LeakyReLU(SLOPE))
    return [*layers, nn.Dropout2d(dropout)] if dropout > 0 else layers


def draw_weights(network: nn.Module) -> None:
    """Fills convolutions and linear maps from N(0, 0.02²), as the paper's section 4 has it, and biases with 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def bound_weights(network: nn.Module) -> None:
    """Divides the weights of each layer by their largest singular value (Miyato et al. 2018, arXiv:1802.05957)."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            # With a fan-in of thousands N(0, 0.02²) is far from the norm of 1 that it is divided by.
            nn.init.orthogonal_(layer.weight)
            spectral_norm(layer)
