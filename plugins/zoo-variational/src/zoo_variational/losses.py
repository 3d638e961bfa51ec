"""The bound that a variational autoencoder raises, as a cost."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor

from zoo.plugin import Ge, Gt


@dataclass(kw_only=True)
class EvidenceLowerBound:
    """Negative evidence lower bound, in nats a picture: -log p(x given z) + beta · KL(q(z given x), N(0, 1)).

    Kingma and Welling 2013, arXiv:1312.6114, equation 10 with one draw; with beta 1 it is above the
    negative log-likelihood of the picture, and minimising it is approximate maximum likelihood. Other
    weights are those of the beta-VAE (Higgins et al. 2017, ICLR, equation 4).

    Args:
        pixels: Bernoulli takes a pixel's share of white for the probability of white (appendix C.1);
            gaussian takes it for the mean of a normal distribution (appendix C.2).
        deviation: Of gaussian pixels, on the scale of pictures in [-1, 1].
        beta: Weight of the divergence; above 1 latent numbers become more independent, and pictures
            blurrier.
    """

    pixels: Literal["bernoulli", "gaussian"] = "bernoulli"
    deviation: Annotated[float, Gt(0)] = 0.5
    beta: Annotated[float, Ge(0)] = 1.0

    def __call__(self, logits: Tensor, pictures: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Values ``[batch]``.

        Args:
            logits: Of the pixels ``[batch, channels, height, width]``; l stands for the pixel tanh(l / 2).
            pictures: As large, in [-1, 1].
            mean: Of the latent vectors, ``[batch, latent]``.
            log_variance: The logarithm of their variance, ``[batch, latent]``.
        """
        reconstruction = self._surprise(logits, pictures).flatten(1).sum(1)
        return reconstruction + self.beta * divergence(mean, log_variance)

    def _surprise(self, logits: Tensor, pictures: Tensor) -> Tensor:
        if self.pixels == "bernoulli":
            return F.binary_cross_entropy_with_logits(logits, (pictures + 1) / 2, reduction="none")
        squared = ((pictures - (logits / 2).tanh()) / self.deviation).square()
        return squared / 2 + math.log(self.deviation * math.sqrt(2 * math.pi))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance), N(0, 1)) ``[batch]``: -(1 + log v - m² - v) / 2, summed (appendix B).

    Args:
        mean: ``[batch, latent]``.
        log_variance: ``[batch, latent]``.
    """
    return -(1 + log_variance - mean.square() - log_variance.exp()).sum(1) / 2
