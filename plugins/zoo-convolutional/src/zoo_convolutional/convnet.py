"""A small network of 3 x 3 convolutions for pictures of 8 x 8 to a few hundred pixels."""

from typing import Annotated

from torch import Tensor, nn

from zoo.plugin import Ge, Lt, Signature
from zoo_convolutional.head import Scores, head_for
from zoo_convolutional.pictures import picture_shape

SMALLEST_SIDE = 4
LARGEST_FULL_SIDE = 64
MOST_STAGES = 5


class ConvNet(nn.Module):
    """Stages of 3 x 3 convolutions with pooling between (Simonyan and Zisserman 2014, arXiv:1409.1556).

    Each convolution is followed by batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) and
    ReLU. Max pooling halves the picture between stages, and each stage has twice the maps of the one
    before. There are as many stages, up to five, as leave 4 pixels of the shorter side: two for 8 x 8
    pictures, three for 28 x 28, five for 64 x 64. Above 64 pixels the first convolution halves as well.
    The last maps are averaged (Lin, Chen and Yan 2013, arXiv:1312.4400), not flattened.

    Args:
        signature: One picture ``[channels, height, width]`` of 4 x 4 pixels or more, and the scores to emit.
        width: Maps in the first stage.
        depth: Convolutions in each stage.
        dropout: Probability with which an averaged map is zeroed in training (arXiv:1207.0580).

    Raises:
        DataError: The pictures are too small.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        width: Annotated[int, Ge(1)] = 16,
        depth: Annotated[int, Ge(1)] = 2,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        super().__init__()
        num_maps, *sides = picture_shape(signature, network="convnet", smallest=SMALLEST_SIDE)
        stride = 2 if min(sides) > LARGEST_FULL_SIDE else 1
        layers: list[nn.Module] = []
        for stage in range(num_stages(min(sides) // stride)):
            if stage > 0:
                layers.append(nn.MaxPool2d(2))
            for _ in range(depth):
                layers.append(convolution(num_maps, width * 2**stage, stride))
                num_maps, stride = width * 2**stage, 1
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = head_for(num_maps, signature.outputs)

    def forward(self, pictures: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of pictures ``[batch, channels, height, width]``."""
        scores: Scores = self.head(self.features(pictures))
        return scores


def num_stages(side: int) -> int:
    """How many stages, halving in between, leave at least the smallest side; five at most."""
    return min(MOST_STAGES, (side // SMALLEST_SIDE).bit_length())


def convolution(num_in: int, num_out: int, stride: int) -> nn.Sequential:
    """A 3 x 3 convolution, batch normalisation and ReLU; weights as in He et al. 2015 (arXiv:1502.01852)."""
    weights = nn.Conv2d(num_in, num_out, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(weights.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(weights, nn.BatchNorm2d(num_out), nn.ReLU())
