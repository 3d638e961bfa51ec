"""A small network of 3 x 3 x 3 convolutions for clips."""

from typing import Annotated

from torch import Tensor, nn

from zoo.plugin import Ge, Lt, Signature
from zoo_convolutional.convnet import LARGEST_FULL_SIDE, SMALLEST_SIDE, num_stages
from zoo_convolutional.head import Scores, head_for
from zoo_convolutional.pictures import clip_shape


class ConvNet3D(nn.Module):
    """Stages of 3 x 3 x 3 convolutions with pooling between (C3D, Tran et al. 2015, arXiv:1412.0767).

    As in the paper every filter spans three frames, and the first pooling leaves time alone, so that motion
    is not averaged away before it was seen. Unlike there each convolution is followed by batch
    normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167), and the last maps are averaged, so that a
    clip may have any number of frames. Pooling halves a frame between stages, and time while more than one
    frame is left; each stage has twice the maps of the one before. There are as many stages, up to five, as
    leave 4 pixels of the shorter side. Above 64 pixels the first convolution halves as well.

    Args:
        signature: One clip ``[channels, frames, height, width]`` of 4 x 4 pixels or more, and the scores to emit.
        width: Maps in the first stage.
        depth: Convolutions in each stage.
        dropout: Probability with which an averaged map is zeroed in training (arXiv:1207.0580).

    Raises:
        DataError: The frames are too small.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        width: Annotated[int, Ge(1)] = 16,
        depth: Annotated[int, Ge(1)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        super().__init__()
        num_maps, num_frames, *sides = clip_shape(signature, network="convnet3d", smallest=SMALLEST_SIDE)
        stride = 2 if min(sides) > LARGEST_FULL_SIDE else 1
        layers: list[nn.Module] = []
        for stage in range(num_stages(min(sides) // stride)):
            if stage > 0:
                span = 2 if stage > 1 and num_frames > 1 else 1
                layers.append(nn.MaxPool3d((span, 2, 2)))
                num_frames //= span
            for _ in range(depth):
                layers.append(convolution(num_maps, width * 2**stage, stride))
                num_maps, stride = width * 2**stage, 1
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = head_for(num_maps, signature.outputs)

    def forward(self, clips: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of clips ``[batch, channels, frames, height, width]``."""
        scores: Scores = self.head(self.features(clips))
        return scores


def convolution(num_in: int, num_out: int, stride: int) -> nn.Sequential:
    """A 3 x 3 x 3 convolution with a stride in space, batch normalisation and ReLU; weights as in arXiv:1502.01852."""
    strides = (1, stride, stride)
    weights = nn.Conv3d(num_in, num_out, kernel_size=3, stride=strides, padding=1, bias=False)
    nn.init.kaiming_normal_(weights.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(weights, nn.BatchNorm3d(num_out), nn.ReLU())
