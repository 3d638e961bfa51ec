"""How the networks are told which label is asked for, and how a discriminator answers."""

import torch
from torch import Tensor, nn

NUM_RESERVED = 2
"""0 stands for a missing label and 1 for an unknown one; the known ones follow."""

FIRST_STD = 0.1
"""Of the label's first numbers, beside latent ones of deviation 1. Where both begin alike, a label soon has
one picture, and the generator ignores the latent vector: on MNIST within an epoch."""


class Condition(nn.Module):
    """A learnt vector for each label.

    A label that is missing or unknown is given the mean of the others: it has no examples to learn from.

    Args:
        num_values: Values of the category, the two reserved ones included.
        size: Numbers in a vector.
        std: Standard deviation of the first weights.
    """

    def __init__(self, num_values: int, size: int, *, std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_values - NUM_RESERVED, size) * std)

    def forward(self, category: Tensor) -> Tensor:
        """Vectors ``[batch, size]`` of categories int64 ``[batch]``."""
        known = self.weight[(category - NUM_RESERVED).clamp(min=0)]
        return torch.where((category < NUM_RESERVED).unsqueeze(1), self.weight.mean(0), known)


class Start(nn.Module):
    """What a generator starts from: the latent vector and, side by side, the label's vector.

    Mirza and Osindero 2014, arXiv:1411.1784, figure 1.
    """

    def __init__(self, latent_size: int, num_values: int | None) -> None:
        super().__init__()
        self.condition = None if num_values is None else Condition(num_values, latent_size, std=FIRST_STD)
        self.size = latent_size if num_values is None else 2 * latent_size

    def forward(self, latent: Tensor, *category: Tensor) -> Tensor:
        """Vectors ``[batch, size]`` of latent vectors ``[batch, latent]`` and categories ``[batch]``."""
        if self.condition is None:
            return latent
        return torch.cat((latent, self.condition(*category)), 1)


class Verdict(nn.Module):
    """A logit of features, and with a label its inner product with the label's vector.

    Miyato and Koyama 2018, arXiv:1802.05637, equation 3: ``v(y) · f + w · f + b``. Unlike a label among
    the inputs, which a discriminator can learn to ignore, it asks each picture for its own label.
    """

    def __init__(self, num_features: int, num_values: int | None) -> None:
        super().__init__()
        self.linear = nn.Linear(num_features, 1)
        self.condition = None if num_values is None else Condition(num_values, num_features, std=0.02)

    def forward(self, features: Tensor, *category: Tensor) -> Tensor:
        """Logits ``[batch]`` of features ``[batch, features]`` and categories ``[batch]``."""
        logits: Tensor = self.linear(features).squeeze(1)
        if self.condition is not None:
            logits = logits + (self.condition(*category) * features).sum(1)
        return logits
