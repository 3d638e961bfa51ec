"""Losses of two players, unreduced, from a discriminator's logits so that they stay finite.

Each is an object with ``discriminator(real_logits, fake_logits)`` and ``generator(fake_logits)``; logits
and values are ``[batch]``. D is the logistic function of a logit where a formula speaks of D.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.plugin import Ge, Gt, Lt, UsageError

Critic = Callable[[Tensor], Tensor]


@dataclass(kw_only=True)
class Minimax:
    """The game's own value: log D(x) + log(1 - D(G(z))), which one raises and the other lowers.

    Goodfellow et al. 2014, arXiv:1406.2661, equation 1. The discriminator's cost is a Bernoulli negative
    log-likelihood; the generator's gradient vanishes while the discriminator wins.

    Args:
        label_smoothing: How far the target of real pictures is below 1 (arXiv:1606.03498, section 3.4).
    """

    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """-(1 - s) log D(x) - s log(1 - D(x)) - log(1 - D(G(z))), with label smoothing s."""
        real = F.softplus(-real_logits) + self.label_smoothing * real_logits
        return real + F.softplus(fake_logits)

    def generator(self, fake_logits: Tensor) -> Tensor:
        """log(1 - D(G(z)))."""
        return -F.softplus(fake_logits)


@dataclass(kw_only=True)
class NonSaturating(Minimax):
    """Minimax, with a generator that raises log D(G(z)): the same fixed point, stronger early gradients.

    Goodfellow et al. 2014, arXiv:1406.2661, section 3.

    Args:
        label_smoothing: How far the target of real pictures is below 1 (arXiv:1606.03498, section 3.4).
    """

    def generator(self, fake_logits: Tensor) -> Tensor:
        """-log D(G(z))."""
        return F.softplus(-fake_logits)


@dataclass(kw_only=True)
class LeastSquares:
    """Least squares: ((D(x) - b)² + (D(G(z)) - a)²) / 2 against (D(G(z)) - c)² / 2, D being the logit itself.

    Mao et al. 2017, arXiv:1611.04076, equation 2. The defaults are the paper's 0-1 coding; with b - c = 1
    and b - a = 2 (a = -1, b = 1, c = 0) it minimises a Pearson chi-squared divergence.

    Args:
        fake: a, what the discriminator should answer to a fake.
        real: b, what it should answer to a real picture.
        goal: c, what the generator wants it to answer to a fake.
    """

    fake: float = 0.0
    real: float = 1.0
    goal: float = 1.0

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """((D(x) - b)² + (D(G(z)) - a)²) / 2."""
        return ((real_logits - self.real).square() + (fake_logits - self.fake).square()) / 2

    def generator(self, fake_logits: Tensor) -> Tensor:
        """(D(G(z)) - c)² / 2."""
        return (fake_logits - self.goal).square() / 2


@dataclass(kw_only=True)
class Hinge:
    """Hinge: max(0, 1 - D(x)) + max(0, 1 + D(G(z))) against -D(G(z)), D being the logit itself.

    Lim and Ye 2017, arXiv:1705.02894, section 3; for images Miyato et al. 2018, arXiv:1802.05957, equations
    16 and 17.
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """max(0, 1 - D(x)) + max(0, 1 + D(G(z)))."""
        return F.relu(1 - real_logits) + F.relu(1 + fake_logits)

    def generator(self, fake_logits: Tensor) -> Tensor:
        """-D(G(z))."""
        return -fake_logits


class Wasserstein:
    """Earth mover's distance: D(G(z)) - D(x) against -D(G(z)), for a D whose slope is bounded.

    Arjovsky, Chintala and Bottou 2017, arXiv:1701.07875, equation 2; D is the logit itself.
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """D(G(z)) - D(x)."""
        return fake_logits - real_logits

    def generator(self, fake_logits: Tensor) -> Tensor:
        """-D(G(z))."""
        return -fake_logits


class Penalised(Wasserstein):
    """The slope is held near 1 by a penalty (Gulrajani et al. 2017, arXiv:1704.00028, equation 3)."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def penalty(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """Values ``[batch]``: w (abs(grad D(u)) - 1)², u uniform on the line from each real picture to a fake.

        Args:
            critic: Logits ``[batch]`` of pictures.
            real: ``[batch, channels, height, width]``.
            fake: As many, without gradients.
        """
        share = torch.rand(len(real), *(1,) * (real.ndim - 1), dtype=real.dtype, device=real.device)
        # Under autocast the generator answers in half precision.
        between = torch.lerp(real, fake.to(real.dtype), share).requires_grad_()
        (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        norms: Tensor = torch.linalg.vector_norm(slopes.flatten(1), dim=1)
        return self.weight * (norms - 1).square()


class Clipped(Wasserstein):
    """The slope is bounded by clipping the weights (arXiv:1701.07875, algorithm 1)."""

    def __init__(self, bound: float) -> None:
        self.bound = bound

    def constrain(self, discriminator: nn.Module) -> None:
        """Clips every parameter to [-bound, bound], in place (line 7 of the algorithm)."""
        with torch.no_grad():
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.bound, self.bound)


def wasserstein(
    *, penalty: Annotated[float, Ge(0)] = 10.0, clip: Annotated[float, Gt(0)] | None = None
) -> Wasserstein:
    """Earth mover's distance: D(G(z)) - D(x) against -D(G(z)), with the slope of D bounded in one of two ways.

    Args:
        penalty: Weight w of a penalty on slopes other than 1 between real pictures and fakes
            (arXiv:1704.00028); 0 leaves it out.
        clip: Bound of the discriminator's weights after each of its updates, 0.01 in the first paper
            (arXiv:1701.07875).

    Raises:
        UsageError: Both are asked for, or neither.
    """
    if penalty > 0 and clip is not None:
        raise UsageError(
            f"loss.penalty={penalty:g} and loss.clip={clip:g} both bound the discriminator's slope",
            fix="leave out loss.clip, or say loss.penalty=0",
        )
    if clip is not None:
        return Clipped(clip)
    if penalty == 0:
        raise UsageError(
            "loss.penalty=0 leaves the discriminator's slope unbounded, and the distance with it",
            fix="say loss.clip=0.01 as well, or leave out loss.penalty",
        )
    return Penalised(penalty)
