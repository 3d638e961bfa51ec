"""One layer of weights (Rosenblatt 1958)."""

from torch import Tensor, nn

from zoo.plugin import Signature
from zoo_feedforward.head import Scores, head_for


class Perceptron(nn.Module):
    """One linear layer, ``scores = W x + b`` (Rosenblatt 1958, doi:10.1037/h0042519).

    Rosenblatt's response units threshold that sum and learn from mistakes alone; here the scores stay
    real and the loss of the target teaches them, which makes it softmax regression for classes, logistic
    regression for binary and labels, and linear regression for values.
    """

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        (num_features,) = signature.inputs[0].shape
        assert num_features is not None
        self.head = head_for(num_features, signature.outputs)

    def forward(self, features: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of vectors ``[batch, features]``."""
        scores: Scores = self.head(features)
        return scores
