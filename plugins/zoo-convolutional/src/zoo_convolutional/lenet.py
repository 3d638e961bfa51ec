"""LeNet-5 (LeCun et al. 1998)."""

from typing import Literal

from torch import Tensor, nn

from zoo.plugin import Signature
from zoo_convolutional.head import Scores, head_for
from zoo_convolutional.pictures import picture_shape

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class LeNet(nn.Module):
    """LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791, section II.B and figure 2).

    Layers C1 and C3 are 5 x 5 convolutions with 6 and 16 maps, S2 and S4 subsample by 2, C5 and F6 are
    full connections with 120 and 84 units. As is usual today, C3 sees all six maps of S2, subsampling is
    a plain average, and the output is linear instead of radial basis functions.

    The paper's field is 32 x 32 pixels with the digit in its centre. A side shorter than that is padded
    by 2 pixels at C1, which makes 28 exactly that field, and one far shorter by 2 at C3 as well. C5
    covers whatever S4 leaves, so larger pictures give it more weights.

    Args:
        signature: One picture ``[channels, height, width]`` of 4 x 4 pixels or more, and the scores to emit.
        activation: The paper's hyperbolic tangent, or rectified linear.

    Raises:
        DataError: The pictures are too small.
    """

    def __init__(self, signature: Signature, *, activation: Literal["tanh", "relu"] = "tanh") -> None:
        super().__init__()
        channels, height, width = picture_shape(signature, network="lenet", smallest=4)
        c1_rows, c3_rows, rows = side_plan(height)
        c1_columns, c3_columns, columns = side_plan(width)
        squash = ACTIVATIONS[activation]
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, kernel_size=5, padding=(c1_rows, c1_columns)),
            squash(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5, padding=(c3_rows, c3_columns)),
            squash(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * rows * columns, 120),
            squash(),
            nn.Linear(120, 84),
            squash(),
        )
        self.head = head_for(84, signature.outputs)

    def forward(self, pictures: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of pictures ``[batch, channels, height, width]``."""
        scores: Scores = self.head(self.features(pictures))
        return scores


def side_plan(side: int) -> tuple[int, int, int]:
    """Paddings of C1 and C3 for a side of so many pixels, and the side of the maps of S4."""
    c1_padding = 2 if side < 32 else 0
    side = (side + 2 * c1_padding - 4) // 2
    c3_padding = 2 if side < 14 else 0
    return c1_padding, c3_padding, (side + 2 * c3_padding - 4) // 2
