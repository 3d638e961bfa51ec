"""The multilayer perceptron (Rumelhart, Hinton and Williams 1986)."""

from itertools import pairwise
from typing import Annotated, Literal

from torch import Tensor, nn

from zoo.plugin import Ge, Lt, Signature
from zoo_feedforward.head import Scores, head_for

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
NORMALISATIONS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class MLP(nn.Module):
    """Fully connected layers (Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0).

    Each hidden layer is linear, normalisation, activation, dropout, in that order; the head is linear.

    Args:
        signature: One input vector ``[features]`` and the scores to emit.
        hidden: Widths of the hidden layers, the first one nearest to the input.
        activation: Nonlinearity after each hidden layer.
        normalisation: Over the batch (arXiv:1502.03167) or over the units of a layer (arXiv:1607.06450),
            before the activation.
        dropout: Probability with which a hidden unit is zeroed in training (arXiv:1207.0580).
    """

    def __init__(
        self,
        signature: Signature,
        *,
        hidden: tuple[Annotated[int, Ge(1)], ...] = (256, 128),
        activation: Literal["relu", "gelu", "silu", "elu", "tanh", "sigmoid"] = "relu",
        normalisation: Literal["none", "batch", "layer"] = "none",
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        super().__init__()
        (num_features,) = signature.inputs[0].shape
        assert num_features is not None
        widths = (num_features, *hidden)
        self.body = nn.Sequential(
            *(
                hidden_layer(num_in, num_out, activation, normalisation, dropout)
                for num_in, num_out in pairwise(widths)
            )
        )
        self.head = head_for(widths[-1], signature.outputs)

    def forward(self, features: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of vectors ``[batch, features]``."""
        scores: Scores = self.head(self.body(features))
        return scores


def hidden_layer(
    num_in: int, num_out: int, activation: str, normalisation: str, dropout: float
) -> nn.Sequential:
    """Linear, normalisation, activation and dropout, without those that would do nothing."""
    # Batch normalisation subtracts each unit's mean, and a bias before it with the mean.
    layers: list[nn.Module] = [nn.Linear(num_in, num_out, bias=normalisation != "batch")]
    if normalisation in NORMALISATIONS:
        layers.append(NORMALISATIONS[normalisation](num_out))
    layers.append(ACTIVATIONS[activation]())
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)
