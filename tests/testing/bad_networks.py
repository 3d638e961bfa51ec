"""Networks with one fault each, and one without."""

import os

import torch
from torch import nn


class Sound(nn.Module):
    """Vectors to scores, with nothing wrong."""

    def __init__(self, signature, *, width: int = 16):
        super().__init__()
        (num_features,) = signature.inputs[0].shape
        self.body = nn.Linear(num_features, width)
        self.head = nn.Linear(width, signature.target.scores_shape[0] if signature.target.scores_shape else 1)

    def forward(self, vectors):
        return self.head(self.body(vectors).tanh())


class Untyped(Sound):
    def __init__(self, signature, *, width=16):
        super().__init__(signature, width=width)


class Unseeded(Sound):
    """Its bias comes from the machine's own randomness."""

    def __init__(self, signature):
        super().__init__(signature)
        nn.init.constant_(self.head.bias, os.urandom(1)[0] / 256)


class Idle(Sound):
    """A parameter that nothing depends on."""

    def __init__(self, signature):
        super().__init__(signature)
        self.idle = nn.Parameter(torch.ones(3))


class Centred(Sound):
    """Subtracts the batch's mean, in eval mode too."""

    def forward(self, vectors):
        return super().forward(vectors - vectors.mean(0) / 2)


class Forgetful(Sound):
    """Adds a number that no state holds."""

    def __init__(self, signature):
        super().__init__(signature)
        self.offset = torch.rand(()).item()

    def forward(self, vectors):
        return super().forward(vectors) + self.offset


class Particular(Sound):
    """Adds rows of one type to rows of another, which half precision makes of them."""

    def forward(self, vectors):
        scores = super().forward(vectors)
        places = torch.arange(scores.shape[1], device=scores.device)
        return torch.zeros(scores.shape, dtype=vectors.dtype).index_add(1, places, scores)


class Timid(Sound):
    """Never says anything for certain."""

    def forward(self, vectors):
        return super().forward(vectors).tanh() / 100


class Shifty(Sound):
    """Another network when the compiler looks."""

    def forward(self, vectors):
        scores = super().forward(vectors)
        is_watched = torch.compiler.is_dynamo_compiling() and not torch.compiler.is_exporting()
        return scores + 1 if is_watched else scores


class Exotic(Sound):
    """A function that ONNX does not know."""

    def forward(self, vectors):
        return super().forward(torch.special.bessel_j0(vectors))


class Padded(nn.Module):
    """Means over all tokens, padding included."""

    def __init__(self, signature):
        super().__init__()
        self.vectors = nn.Embedding(signature.inputs[0].num_values, 16)
        self.head = nn.Linear(16, signature.target.scores_shape[0])

    def forward(self, tokens):
        return self.head(self.vectors(tokens).mean(1))
