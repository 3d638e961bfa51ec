"""The network that predicts each next token of a text and goes on where it stopped."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.plugin import Signature
from zoo_recurrent.cells import Cell
from zoo_recurrent.heads import Head
from zoo_recurrent.options import Options
from zoo_recurrent.reading import embedding_of
from zoo_recurrent.running import num_states, run


class LanguageModel(nn.Module):
    """Recurrent language model (Mikolov et al. 2010, doi:10.21437/Interspeech.2010-343).

    The state is one tensor ``[batch, layers, units]``, and for a long short-term memory a second one, the
    content of its cells.

    Args:
        signature: Tokens, and the vocabulary's scores at each place.
        cell: Makes a layer.
        options: As given to the factory.
    """

    def __init__(self, signature: Signature, cell: Cell, options: Options) -> None:
        super().__init__()
        self.embedding = embedding_of(signature, options)
        sizes = [options.embedding] + [options.hidden] * (options.layers - 1)
        cells = [cell(size, options.hidden) for size in sizes]
        self.layers = nn.ModuleList(cells)
        self.num_states = num_states(cells[0])
        self.dropout = nn.Dropout(options.dropout)
        num_tokens = signature.outputs[0].shape[-1]
        assert num_tokens is not None
        self.head = (
            TiedHead(options.hidden, options.embedding, num_tokens)
            if options.tie_weights
            else UntiedHead(options.hidden, num_tokens)
        )
        self.state_shape = (options.layers, options.hidden)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        """The state before any token: zeros ``[batch, layers, units]``."""
        weight = self.embedding.vectors.weight
        # Tensors of their own: one and the same would be one input of an exported graph.
        return tuple(weight.new_zeros(batch_size, *self.state_shape) for _ in range(self.num_states))

    def forward(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Logits ``[batch, length, vocabulary]`` of the token after each, and the state after the last.

        Args:
            tokens: ``[batch, length]``.
            *state: What the call before gave, or ``initial_state``; none is the same as the latter.
        """
        state = state or self.initial_state(tokens.shape[0])
        steps = self.embedding(tokens)
        states = []
        for place, layer in enumerate(self.layers):
            assert isinstance(layer, nn.RNNBase)
            steps, after = run(layer, steps, tuple(each[:, place] for each in state))
            steps = self.dropout(steps)
            states.append(after)
        new_state = (torch.stack(each, dim=1) for each in zip(*states, strict=True))
        return self.head(steps, self.embedding.vectors.weight), *new_state


class UntiedHead(nn.Module):
    """Linear map from states to the vocabulary's logits."""

    def __init__(self, num_units: int, num_tokens: int) -> None:
        super().__init__()
        self.scores = Head(num_units, (num_tokens,))

    def forward(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Logits ``[batch, length, vocabulary]`` of states ``[batch, length, units]``."""
        return F.linear(states, self.scores.weight, self.scores.bias)


class TiedHead(nn.Module):
    """Logits are products with the tokens' own vectors (Press and Wolf 2016, arXiv:1608.05859).

    Where a state and a vector differ in size, a linear map comes between (Inan et al. 2016,
    arXiv:1611.01462, have equal sizes).
    """

    def __init__(self, num_units: int, size: int, num_tokens: int) -> None:
        super().__init__()
        self.projection = nn.Linear(num_units, size) if num_units != size else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(num_tokens))

    def forward(self, states: Tensor, vectors: Tensor) -> Tensor:
        """Logits ``[batch, length, vocabulary]`` of states ``[batch, length, units]``."""
        return F.linear(self.projection(states), vectors, self.bias)
