"""What the steps of an example are: the embedded tokens of a text, or the rows of a series."""

import torch
from torch import Tensor, nn

from zoo.plugin import Signature
from zoo_recurrent.options import Options

PADDING = 0
UNKNOWN = 1


class Embedding(nn.Module):
    """Vectors ``[batch, length, size]`` of tokens ``[batch, length]``; padding is the zero vector.

    The vectors start from N(0, 1 / size), so that one has length 1 whatever its size: after the Glorot
    weights of a cell, its first states are neither saturated nor lost.

    Args:
        num_tokens: Size of the vocabulary, padding and unknown included.
        size: Numbers in a vector.
        dropout: Probability with which a number is zeroed in training.
        word_dropout: Probability with which a token is read as unknown in training (Iyyer et al. 2015,
            doi:10.3115/v1/P15-1162, section 3.1, drop the word; reading it as unknown trains that vector).
    """

    def __init__(self, num_tokens: int, size: int, *, dropout: float, word_dropout: float) -> None:
        super().__init__()
        self.vectors = nn.Embedding(num_tokens, size, padding_idx=PADDING)
        nn.init.normal_(self.vectors.weight, std=size**-0.5)
        nn.init.zeros_(self.vectors.weight.data[PADDING])
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors ``[batch, length, size]``."""
        if self.training and self.word_dropout > 0:
            is_dropped = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(is_dropped & (tokens != PADDING), UNKNOWN)
        vectors: Tensor = self.dropout(self.vectors(tokens))
        return vectors


class TextReader(nn.Module):
    """Steps of a text. An empty one is read as one padding token, so that it has an answer too."""

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.num_features = embedding.vectors.embedding_dim

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors ``[batch, length, size]`` and how many of them are real ``[batch]``, at least 1."""
        return self.embedding(tokens), (tokens != PADDING).sum(1).clamp(min=1)


class SeriesReader(nn.Module):
    """Steps of a series, as they are."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, series: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The series ``[batch, length, features]`` and its lengths ``[batch]``, at least 1."""
        return series, lengths.clamp(min=1)


def embedding_of(signature: Signature, options: Options) -> Embedding:
    """Vectors for the vocabulary of the signature's text."""
    num_tokens = signature.inputs[0].num_values
    assert num_tokens is not None
    return Embedding(
        num_tokens, options.embedding, dropout=options.dropout, word_dropout=options.word_dropout
    )


def reader_of(signature: Signature, options: Options) -> TextReader | SeriesReader:
    """The reader for the signature's kind of input."""
    steps = signature.inputs[0]
    if steps.kind == "tokens":
        return TextReader(embedding_of(signature, options))
    num_features = steps.shape[-1]
    assert num_features is not None
    return SeriesReader(num_features)
