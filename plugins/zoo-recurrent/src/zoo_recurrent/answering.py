"""The network that reads a whole text or series and answers once."""

from torch import Tensor, nn

from zoo.plugin import Signature
from zoo_recurrent.cells import Cell
from zoo_recurrent.heads import Autoregression, Head
from zoo_recurrent.layers import Layer
from zoo_recurrent.options import Options
from zoo_recurrent.pooling import pooling_of
from zoo_recurrent.reading import reader_of


class Answering(nn.Module):
    """Reader, recurrent layers, pooling, and one linear head for each output.

    Args:
        signature: Tokens, or a series and its lengths, and the scores to emit.
        cell: Makes a layer of one direction.
        options: As given to the factory.
    """

    def __init__(self, signature: Signature, cell: Cell, options: Options) -> None:
        super().__init__()
        self.reader = reader_of(signature, options)
        self.layers = nn.ModuleList()
        num_features = self.reader.num_features
        for _ in range(options.layers):
            self.layers.append(
                Layer(
                    cell,
                    num_features,
                    options.hidden,
                    bidirectional=options.bidirectional,
                    truncation=options.truncation,
                )
            )
            num_features = options.hidden * (2 if options.bidirectional else 1)
        self.dropout = nn.Dropout(options.dropout)
        self.pooling = pooling_of(options.pooling, num_features, bidirectional=options.bidirectional)
        self.heads = nn.ModuleList(Head(num_features, spec.shape) for spec in signature.outputs)
        self.autoregression = (
            Autoregression(options.autoregression, self.reader.num_features, signature.outputs[0].shape)
            if signature.target.kind == "forecast" and options.autoregression > 0
            else None
        )

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Scores ``[batch, *scores]``; a tuple where there are several outputs.

        Args:
            *inputs: Tokens ``[batch, length]``, or a series ``[batch, length, features]`` and its lengths
                ``[batch]``.
        """
        steps, lengths = self.reader(*inputs)
        states = self.layers[0](steps, lengths)
        for layer in self.layers[1:]:
            states = layer(self.dropout(states), lengths)
        pooled = self.dropout(self.pooling(states, lengths))
        scores: tuple[Tensor, ...] = tuple(head(pooled) for head in self.heads)
        if self.autoregression is not None:
            linear: Tensor = self.autoregression(steps, lengths)
            return scores[0] + linear
        return scores if len(scores) > 1 else scores[0]
