"""The variational autoencoder (Kingma and Welling 2013)."""

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from zoo.plugin import Ge, Signature
from zoo_variational.pictures import kernels, picture_shape, pyramid

LARGEST_FACTOR = 8

Shape = tuple[int, int, int]


class VAE(nn.Module):
    """Variational autoencoder (Kingma and Welling 2013, arXiv:1312.6114, section 3).

    An encoder gives mean and log-variance of a Gaussian over latent vectors, a decoder the logits of the
    pixels; a logit l stands for the pixel tanh(l / 2), whose share of white is the logistic function of l.
    What is exported is the decoder: latent vectors in, pictures out.

    Args:
        signature: A latent vector and one picture to emit of 8 x 8 pixels or more.
        layers: Convolutions that halve the side, or fully connected ones as in the paper.
        width: With convolutions, maps at half the picture's side; twice as many at each level below, up to
            eight times.
        hidden: With connected layers, widths of the encoder's; the decoder has them in reverse.

    Raises:
        DataError: The pictures are too small.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        layers: Literal["convolutional", "connected"] = "convolutional",
        width: Annotated[int, Ge(1)] = 32,
        hidden: tuple[Annotated[int, Ge(1)], ...] = (512, 256),
    ) -> None:
        super().__init__()
        shape = picture_shape(signature)
        (latent_size,) = signature.inputs[0].shape
        assert latent_size is not None
        self.encoder, self.decoder = (
            convolutional(shape, width, latent_size)
            if layers == "convolutional"
            else connected(shape, hidden, latent_size)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Pictures ``[batch, channels, height, width]`` in [-1, 1] of latent vectors ``[batch, latent]``."""
        return torch.tanh(self.decoder(latent) / 2)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance ``[batch, latent]`` of pictures ``[batch, channels, height, width]``."""
        mean, log_variance = self.encoder(pictures).chunk(2, 1)
        return mean, log_variance

    def reconstruct(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encodes pictures, draws a latent vector of each, and decodes it.

        In training the draw is mean + exp(log_variance / 2) · noise, the paper's section 2.4. In eval mode
        it is the mean: what a model is judged by is then the same each time, so that two checkpoints
        differ by their weights alone; it is a little better than the bound itself.

        Args:
            pictures: ``[batch, channels, height, width]`` in [-1, 1].

        Returns:
            Logits of the pixels ``[batch, channels, height, width]``; mean and log-variance
            ``[batch, latent]``.
        """
        mean, log_variance = self.encode(pictures)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        logits: Tensor = self.decoder(mean + (log_variance / 2).exp() * noise)
        return logits, mean, log_variance


def convolutional(shape: Shape, width: int, latent_size: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and decoder of convolutions with stride 2 and ReLU."""
    channels, *picture = shape
    levels = pyramid(*picture)
    num_levels = len(levels) - 1
    maps = [channels, *(width * min(2**level, LARGEST_FACTOR) for level in range(num_levels))]
    base = (maps[-1], *levels[-1])
    down: list[nn.Module] = []
    up: list[nn.Module] = [nn.Linear(latent_size, math.prod(base)), nn.Unflatten(1, base)]
    for level in range(num_levels):
        kernel = kernels(levels[level])
        down += [nn.Conv2d(maps[level], maps[level + 1], kernel, stride=2, padding=1), nn.ReLU()]
    for level in reversed(range(num_levels)):
        kernel = kernels(levels[level])
        up += [nn.ReLU(), nn.ConvTranspose2d(maps[level + 1], maps[level], kernel, stride=2, padding=1)]
    ending = nn.Linear(math.prod(base), 2 * latent_size)
    return nn.Sequential(*down, nn.Flatten(), ending), nn.Sequential(*up)


def connected(shape: Shape, hidden: tuple[int, ...], latent_size: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and decoder of fully connected layers with ReLU."""
    num_pixels = math.prod(shape)
    down = perceptron((num_pixels, *hidden, 2 * latent_size))
    up = perceptron((latent_size, *hidden[::-1], num_pixels))
    return nn.Sequential(nn.Flatten(), *down), nn.Sequential(*up, nn.Unflatten(1, shape))


def perceptron(widths: tuple[int, ...]) -> list[nn.Module]:
    """Linear maps with ReLU between."""
    layers: list[nn.Module] = [
        layer for sizes in pairwise(widths) for layer in (nn.Linear(*sizes), nn.ReLU())
    ]
    return layers[:-1]
