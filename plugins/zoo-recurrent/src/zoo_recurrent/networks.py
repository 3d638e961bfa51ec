"""The three networks: the same body around three recurrences."""

from functools import partial
from typing import Annotated

from torch import nn

from zoo.plugin import DataError, Ge, Lt, Signature, UsageError
from zoo_recurrent.answering import Answering
from zoo_recurrent.cells import Cell, elman, gated, long_short_term
from zoo_recurrent.language import LanguageModel
from zoo_recurrent.options import Activation, Options, Pooling

Count = Annotated[int, Ge(1)]
Share = Annotated[float, Ge(0), Lt(1)]


def rnn(
    signature: Signature,
    *,
    layers: Count = 1,
    hidden: Count = 128,
    embedding: Count = 64,
    bidirectional: bool = False,
    dropout: Share = 0.2,
    word_dropout: Share = 0.0,
    pooling: Pooling = "last",
    truncation: Count | None = None,
    autoregression: Annotated[int, Ge(0)] = 24,
    tie_weights: bool = False,
    activation: Activation = "tanh",
) -> nn.Module:
    """Simple recurrent network (Elman 1990, doi:10.1207/s15516709cog1402_1).

    Args:
        signature: Tokens, or a series and its lengths, and the scores to emit.
        layers: Recurrent layers, one over the other.
        hidden: Units of a layer and direction.
        embedding: Numbers in a token's vector; of no use to a series.
        bidirectional: Whether each layer reads from the end as well; not for a language model.
        dropout: Probability with which a number of a token's vector, between layers or before the head is
            zeroed in training.
        word_dropout: Probability with which a token is read as unknown in training.
        pooling: How the states after all steps become one vector; of no use to a language model.
        truncation: Steps that a gradient goes back at most; none for all.
        autoregression: Last steps that a linear forecast beside the network's reads; 0 for no such part.
        tie_weights: Whether a language model scores a token by the vector that it reads it as.
        activation: What bounds or rectifies a state.

    Raises:
        DataError: The target does not go with the kind of input.
        UsageError: Options that a language model cannot have.
    """
    options = Options(
        layers=layers,
        hidden=hidden,
        embedding=embedding,
        bidirectional=bidirectional,
        dropout=dropout,
        word_dropout=word_dropout,
        pooling=pooling,
        truncation=truncation,
        autoregression=autoregression,
        tie_weights=tie_weights,
    )
    return network("rnn", signature, partial(elman, activation=activation), options)


def lstm(
    signature: Signature,
    *,
    layers: Count = 1,
    hidden: Count = 128,
    embedding: Count = 64,
    bidirectional: bool = False,
    dropout: Share = 0.2,
    word_dropout: Share = 0.0,
    pooling: Pooling = "last",
    truncation: Count | None = None,
    autoregression: Annotated[int, Ge(0)] = 24,
    tie_weights: bool = False,
) -> nn.Module:
    """Long short-term memory (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).

    With forget gates (Gers, Schmidhuber and Cummins 2000, doi:10.1162/089976600300015015).

    Args:
        signature: Tokens, or a series and its lengths, and the scores to emit.
        layers: Recurrent layers, one over the other.
        hidden: Units of a layer and direction.
        embedding: Numbers in a token's vector; of no use to a series.
        bidirectional: Whether each layer reads from the end as well; not for a language model.
        dropout: Probability with which a number of a token's vector, between layers or before the head is
            zeroed in training.
        word_dropout: Probability with which a token is read as unknown in training.
        pooling: How the states after all steps become one vector; of no use to a language model.
        truncation: Steps that a gradient goes back at most; none for all.
        autoregression: Last steps that a linear forecast beside the network's reads; 0 for no such part.
        tie_weights: Whether a language model scores a token by the vector that it reads it as.

    Raises:
        DataError: The target does not go with the kind of input.
        UsageError: Options that a language model cannot have.
    """
    options = Options(
        layers=layers,
        hidden=hidden,
        embedding=embedding,
        bidirectional=bidirectional,
        dropout=dropout,
        word_dropout=word_dropout,
        pooling=pooling,
        truncation=truncation,
        autoregression=autoregression,
        tie_weights=tie_weights,
    )
    return network("lstm", signature, long_short_term, options)


def gru(
    signature: Signature,
    *,
    layers: Count = 1,
    hidden: Count = 128,
    embedding: Count = 64,
    bidirectional: bool = False,
    dropout: Share = 0.2,
    word_dropout: Share = 0.0,
    pooling: Pooling = "last",
    truncation: Count | None = None,
    autoregression: Annotated[int, Ge(0)] = 24,
    tie_weights: bool = False,
) -> nn.Module:
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078).

    Args:
        signature: Tokens, or a series and its lengths, and the scores to emit.
        layers: Recurrent layers, one over the other.
        hidden: Units of a layer and direction.
        embedding: Numbers in a token's vector; of no use to a series.
        bidirectional: Whether each layer reads from the end as well; not for a language model.
        dropout: Probability with which a number of a token's vector, between layers or before the head is
            zeroed in training.
        word_dropout: Probability with which a token is read as unknown in training.
        pooling: How the states after all steps become one vector; of no use to a language model.
        truncation: Steps that a gradient goes back at most; none for all.
        autoregression: Last steps that a linear forecast beside the network's reads; 0 for no such part.
        tie_weights: Whether a language model scores a token by the vector that it reads it as.

    Raises:
        DataError: The target does not go with the kind of input.
        UsageError: Options that a language model cannot have.
    """
    options = Options(
        layers=layers,
        hidden=hidden,
        embedding=embedding,
        bidirectional=bidirectional,
        dropout=dropout,
        word_dropout=word_dropout,
        pooling=pooling,
        truncation=truncation,
        autoregression=autoregression,
        tie_weights=tie_weights,
    )
    return network("gru", signature, gated, options)


def network(name: str, signature: Signature, cell: Cell, options: Options) -> nn.Module:
    """A language model where the target is the next token, else a network that answers once.

    Args:
        name: The architecture's, for messages.
        signature: As given to the factory.
        cell: Makes a layer of one direction.
        options: As given to the factory.

    Raises:
        DataError: The target does not go with the kind of input.
        UsageError: Options that a language model cannot have.
    """
    given, target = signature.inputs[0].kind, signature.target.kind
    if target == "forecast" and given != "series":
        raise DataError(
            f"{name} forecasts a series, and the data gives a text",
            fix="choose a target of the text: classes, labels, values or its next token",
        )
    if target != "tokens":
        return Answering(signature, cell, options)
    if given != "tokens":
        raise DataError(
            f"{name} predicts the next token of a text, and the data gives a series",
            fix="name a time column with data.time=COLUMN to forecast the series",
        )
    _require_one_direction(name, options)
    return LanguageModel(signature, cell, options)


def _require_one_direction(name: str, options: Options) -> None:
    if options.bidirectional:
        raise UsageError(
            f"{name} with model.bidirectional=true would see the token that it is to predict",
            fix="leave out model.bidirectional",
        )
    if options.truncation is not None:
        raise UsageError(
            f"model.truncation={options.truncation} is for targets that are answered once, "
            "and this one is the next token",
            fix=f"objective.length={options.truncation}",
        )
